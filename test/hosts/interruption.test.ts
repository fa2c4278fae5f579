import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Event, TaskStarted } from "../../src/converge/event.ts";
import { labStart } from "../../src/lab/lab.ts";
import { lab } from "./lab.ts";
import { cutPower, freshDisks, labHost, onHost } from "./lab-hosts.ts";
import { type PlumbProcess, startPlumb } from "./plumb-process.ts";

/**
 * The main playbook is interrupted at its steps, one after the other, in every way there is; each time the next run goes on, and at the end everything is right. By default some of
 * the steps are taken, chosen by a seed (PLUMB_INTERRUPT_SEED=N chooses others), each in another way. PLUMB_INTERRUPT=all takes every step, PLUMB_INTERRUPT="kill -9" every step in this way.
 * PLUMB_INTERRUPT_POOLER=trixie1 swaps the releases of the pooler and the database, and PLUMB_INTERRUPT_ONLY="trixie1" leaves the steps of the other hosts alone.
 */
const HOW = process.env["PLUMB_INTERRUPT"];
const ALL = HOW !== undefined;
const SEED = Number(process.env["PLUMB_INTERRUPT_SEED"] ?? "1");
const TIME_MS = ALL ? 7_200_000 : 1_800_000;
/** One of so many changes is interrupted. */
const SAMPLED = 9;
/** PostgreSQL 17, and PgBouncer 1.18 before it; or PostgreSQL 15, and PgBouncer 1.24 before it. */
const POOLER = process.env["PLUMB_INTERRUPT_POOLER"] ?? "bookworm1";
const [DATABASE, CLIENT] = [POOLER === "trixie1" ? "bookworm1" : "trixie1", "bookworm2"];
const HOSTS = [DATABASE, POOLER, CLIENT];
const ONLY = process.env["PLUMB_INTERRUPT_ONLY"]?.split(",") ?? HOSTS;

type Kind = (typeof KINDS)[number] | "host clock";
const KINDS = [
  "kill -9",
  "cut link",
  "full disk",
  "full /etc",
  "clock",
  "full /tmp",
  "kill -9",
  "power off",
] as const;

const FULL: Partial<Record<Kind, string>> = {
  "full disk": "/var/lib/plumb",
  "full /etc": "/etc",
  "full /tmp": "/tmp",
};

let folder = "";

beforeAll(async () => {
  await freshDisks(HOSTS);
  if (HOW === "host clock") await Promise.all(HOSTS.map(giveOwnClock));
  folder = await mkdtemp(path.join(tmpdir(), "plumb-interrupt-"));
  await cp("inventory/example/group_vars", path.join(folder, "group_vars"), { recursive: true });
  const { keyFile, knownHostsFile } = lab;
  const group = (name: string) => ({ hosts: { [name]: { ansible_host: labHost(name).address } } });
  const vars = {
    ansible_user: "admin",
    ansible_ssh_private_key_file: keyFile,
    ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHostsFile} -o ServerAliveInterval=1 -o ServerAliveCountMax=3`,
  };
  const children = { postgresql: group(DATABASE), poolers: group(POOLER), clients: group(CLIENT) };
  await writeFile(path.join(folder, "hosts.yml"), stringify({ all: { vars, children } }));
});

/** Numbers between 0 and 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function provision(
  hear?: (event: Event) => void,
  environment: Record<string, string> = {},
  limit: readonly string[] = [],
): PlumbProcess {
  return startPlumb(["run", path.resolve("playbooks/pgbouncer.yml"), "-i", "hosts.yml", ...limit], {
    cwd: folder,
    environment: { PLUMB_RUNS_DIR: path.join(folder, "runs"), ...environment },
    ...(hear === undefined ? {} : { hear }),
  });
}

const nameOf = ({ host, task }: TaskStarted): string => `${host} ${task.taskId} ${task.item?.label ?? ""}`;

/** What a run that failed says of it, for the test's message. */
const complaints = (events: readonly Event[]): string[] =>
  events.flatMap((event) =>
    (event.type === "task-finished" && event.status === "failed") || event.type === "host-unreachable"
      ? [`${event.host}: ${event.message}`]
      : [],
  );

interface Walked {
  /** Changes that were begun, each once. */
  begun: Set<string>;
  interrupted: string[];
  last: readonly Event[];
}

/** Runs the playbook again and again, and interrupts it at changes that have not been interrupted yet, until it comes to its end. */
async function walk(
  choose: () => Kind | undefined,
  delayMs: () => number,
  interrupt: (kind: Kind, host: string, run: PlumbProcess) => Promise<void>,
  limit: readonly string[],
): Promise<Walked> {
  const begun = new Set<string>();
  const interrupted: string[] = [];
  let last: Kind | undefined;
  for (;;) {
    let where = "";
    let under: Promise<void> | undefined;
    let isBusy = false;
    // The trip that is to be interrupted has been begun; before that, what is told is told of changes that are made in it.
    let isUnderWay = false;
    let goOn = (): void => undefined;
    const run: PlumbProcess = provision(
      (event) => {
        if (isBusy && ALL && event.type === "task-progress") isUnderWay = true;
        // It has come to its end before the delay was over: it is interrupted behind it, and no further change is begun meanwhile.
        if (isBusy && ALL && isUnderWay && event.type === "task-finished") goOn();
        if (event.type !== "task-started" || (isBusy && !ALL)) return;
        const name = nameOf(event);
        if (begun.has(name)) return;
        if (isBusy && !isUnderWay) {
          interrupted[interrupted.length - 1] += ` with ${name}`;
          return;
        }
        begun.add(name);
        if (isBusy) {
          // It is made on a disk that is full, like the one before it.
          interrupted.push(`${last !== undefined && last in FULL ? `${last}, still` : "behind"}: ${name}`);
          return;
        }
        const kind = ONLY.includes(event.host) ? choose() : undefined;
        last = kind;
        if (kind === undefined) return;
        where = event.host;
        interrupted.push(`${kind}: ${name} (${event.summary})`);
        isBusy = true;
        const before = under;
        const whenOver = new Promise<void>((resolve) => {
          goOn = () => {
            goOn = () => undefined;
            // Or it would get to further changes meanwhile, which then nobody interrupts.
            if (ALL) run.child.kill("SIGSTOP");
            resolve();
          };
        });
        // Before anything is written there: what is written while a disk is being filled would be lost with it.
        if (ALL && kind in FULL) goOn();
        else void wait(delayMs()).then(() => goOn());
        // A link that is cut between two tasks is made anew, and the run goes on.
        under = whenOver
          .then(() => interrupt(kind, event.host, run))
          .then(() => {
            isBusy = false;
            isUnderWay = false;
            return before;
          });
      },
      last === "clock" ? LAST_YEAR : {},
      limit,
    );
    const code = await run.ended;
    await under;
    // Where the next run is not to find what is still under way.
    if (where !== "" && interrupted.length % 2 === 0)
      await expectNothingRuns(where, interrupted.at(-1) ?? "");
    if (under === undefined) {
      expect(complaints(run.events)).toEqual([]);
      expect(code, run.text()).toBe(0);
      return { begun, interrupted, last: run.events };
    }
  }
}

/** What was under way comes to its end, and then no process of the run is left on the host, and nobody holds its lock. */
async function expectNothingRuns(host: string, interruption: string): Promise<void> {
  const left = await onHost(
    host,
    `for n in $(seq 600); do
  pid=0; [ ! -e /var/lib/plumb/lock ] || read -r pid rest < /var/lib/plumb/lock || true
  left=$(pgrep -af 'plumb[_]mark' || true); [ "$pid" = 0 ] || ! kill -0 "$pid" 2>/dev/null || left="$left lock of $pid"
  [ -n "$left" ] || exit 0; sleep 0.2
done; echo "$left"`,
  );
  expect(left, interruption).toBe("");
}

/** No half file, no process, no lock, no handler is left; PgBouncer has read what stands in its files; the next run changes nothing. */
async function expectAllWell(): Promise<void> {
  const again = provision();
  expect(await again.ended).toBe(0);
  const moved = again.events.flatMap((event) =>
    event.type === "task-finished" && !["ok", "skipped"].includes(event.status) ? [event.task.name] : [],
  );
  expect(moved).toEqual([]);
  for (const host of [DATABASE, POOLER]) {
    await expectNothingRuns(host, "after the last run");
    const left = await onHost(
      host,
      "find / -xdev \\( -name '.plumb-write.*' -o -name '*.plumb-new' -o -path '/var/lib/plumb/*.new' -o -path '/var/lib/plumb/uploads/*' \\) 2>/dev/null; cat /var/lib/plumb/pending-handlers 2>/dev/null || true; dpkg --audit",
    );
    expect(left).toBe("");
    const lock = await onHost(
      host,
      "read -r pid rest < /var/lib/plumb/lock; kill -0 $pid 2>/dev/null && echo held || echo free",
    );
    expect(lock).toBe("free\n");
  }
  const late = await onHost(
    POOLER,
    `read_at=$(journalctl -u pgbouncer -o short-unix --no-pager | grep -E 'RELOAD|SIGHUP|process up|Reload' | tail -n 1 | cut -d. -f1); for file in /etc/pgbouncer/*; do [ "$(stat -c %Y "$file")" -le "$((read_at + 1))" ] || echo "$file"; done`,
  );
  expect(late).toBe("");
}

/** A run one year ago, as far as the controller knows. */
const LAST_YEAR = {
  NODE_OPTIONS: `--import "data:text/javascript,const now = Date.now; Date.now = () => now() - 365 * 86400000; const Real = Date; globalThis.Date = class extends Real { constructor(...given) { super(...(given.length === 0 ? [Real.now()] : given)); } };"`,
};

/** Puts a full file system over a folder of a host; what was in it is in it still. */
const fill = (host: string, directory: string): Promise<string> =>
  onHost(
    host,
    `set -e; umask 077; mkdir -p ${directory} /run/full; while pgrep -x 'dpkg|apt-get' >/dev/null; do sleep 0.2; done; mount -t tmpfs -o size=$(($(du -sk ${directory} | cut -f 1) + 64))k,mode=$(stat -c %a ${directory}) none /run/full
cp -a ${directory}/. /run/full; mount --bind /run/full ${directory}; umount /run/full; cat /dev/zero > ${directory}/filler 2>/dev/null || true`,
  );

const unfill = (host: string, directory: string): Promise<string> =>
  onHost(
    host,
    `set -e; umask 077; rm -f ${directory}/filler; rm -rf /run/kept; cp -a ${directory} /run/kept; umount ${directory}; rm -rf ${directory}/*; cp -a /run/kept/. ${directory}; rm -rf /run/kept`,
  );

/** All programs that are started on the host from now on ask a clock of its own what time it is; what the kernel itself says (times of files, how long it has been up) is not moved. Debian 12's libfaketime keeps a semaphore that a program can't open which root starts as another user: there PostgreSQL is not reloaded with it, and the database has to be on Debian 13, as it is unless PLUMB_INTERRUPT_POOLER says otherwise. */
const giveOwnClock = (host: string): Promise<string> =>
  onHost(
    host,
    `set -e; export DEBIAN_FRONTEND=noninteractive
apt-get -qq install -y libfaketime >/dev/null 2>&1 || { apt-get -qq update; apt-get -qq install -y libfaketime; } >/dev/null 2>&1
settings='DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 FAKETIME_NO_CACHE=1 FAKETIME_DISABLE_SHM=1'
printf '%s\\n' $settings >> /etc/environment
mkdir -p /etc/systemd/system.conf.d; printf '[Manager]\\nDefaultEnvironment=%s\\n' "$settings" > /etc/systemd/system.conf.d/clock.conf; systemctl daemon-reexec
grep -q pam_env /etc/pam.d/sudo || echo 'session required pam_env.so readenv=1 user_readenv=0' >> /etc/pam.d/sudo
echo +0 > /etc/faketimerc; echo /usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 > /etc/ld.so.preload; systemctl restart ssh`,
  );

/** Its clock jumps by three weeks: ahead, and the next time back again. @returns whether it is ahead. */
async function jump(host: string): Promise<boolean> {
  const said = await onHost(
    host,
    "if [ $(cat /etc/faketimerc) = +0 ]; then echo +21d; else echo +0; fi > /etc/faketimerc.new; mv /etc/faketimerc.new /etc/faketimerc; cat /etc/faketimerc",
  );
  return said === "+21d\n";
}

async function interruptBy(kind: Kind, host: string, { child, ended }: PlumbProcess): Promise<void> {
  if (kind === "kill -9" || kind === "clock") child.kill("SIGKILL");
  if (kind === "host clock") {
    // The run goes on where it jumps ahead, and is killed where it jumps back.
    if (await jump(host)) child.kill("SIGCONT");
    else child.kill("SIGKILL");
  }
  if (kind === "cut link") {
    await onHost(host, "pkill -KILL -f '^sshd: admin'; true");
    child.kill("SIGCONT");
  }
  if (kind === "power off") {
    await cutPower([host]);
    child.kill("SIGCONT");
    await labStart(lab.name, [host]);
  }
  const directory = FULL[kind];
  if (directory === undefined) return;
  // It waits until there is no room.
  child.kill("SIGSTOP");
  await fill(host, directory);
  child.kill("SIGCONT");
  await ended;
  await unfill(host, directory);
}

describe("the main playbook", () => {
  test(
    "interrupted at its changes in every way there is: the next run goes on, and everything ends right",
    async () => {
      const random = randomFrom(SEED);
      console.log(`interrupted: ${HOW ?? `one change in ${SAMPLED}`}, seed ${SEED}`);
      let taken = Math.floor(random() * KINDS.length);
      const choose = (): Kind | undefined => {
        if (!ALL && random() >= 1 / SAMPLED) return undefined;
        taken += 1;
        if (HOW === "host clock") return HOW;
        return KINDS.find((kind) => kind === HOW) ?? KINDS[taken % KINDS.length];
      };
      // Changes that are made in one trip are all begun at its beginning: the later ones are interrupted somewhere on the way.
      const delays = [0, 3, 10, 30, 100, 300, 1000, 3000];
      const delayMs = (): number => delays[Math.floor(random() * delays.length)] ?? 0;
      // Where one host is interrupted the others go on: one after the other, so that none of their changes is left out.
      for (const limit of ALL ? HOSTS.map((host) => ["--limit", host]) : [[]]) {
        const { begun, interrupted } = await walk(choose, delayMs, interruptBy, limit);
        console.log(
          `${interrupted.length} of ${begun.size} changes were interrupted:\n${interrupted.join("\n")}`,
        );
        const isLeftAlone = limit[1] !== undefined && !ONLY.includes(limit[1]);
        expect(interrupted.length).toBeGreaterThan(isLeftAlone ? -1 : ALL ? begun.size - 1 : 2);
      }
      await expectAllWell();
    },
    TIME_MS,
  );
});
