import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Event, RunFinished } from "../../src/converge/event.ts";
import { havePackages } from "./have-packages.ts";
import { lab } from "./lab.ts";
import { folderWithHosts, labHost, onHost } from "./lab-hosts.ts";
import { type PlumbProcess, startCommand, startPlumb } from "./plumb-process.ts";
import { type TeamDatabase, teamDatabase } from "./team-database.ts";

/** A roll-out over worker processes. Twelve names lead to accounts of their own on three hosts: each has its own lock. */
const HOSTS = ["bookworm1", "trixie1", "bookworm2"];
const ACCOUNTS = [1, 2, 3, 4];
const NAMES = ACCOUNTS.flatMap((account) => HOSTS.map((host) => `${host}-${account}`));
let team: TeamDatabase;
let folder = "";
let workers: PlumbProcess[] = [];

beforeAll(async () => {
  team = await teamDatabase("bookworm1", ["team_worker"]);
  folder = await folderWithHosts("workers", HOSTS);
  await mkdir(path.join(folder, ".plumb"));
  const { keyFile, knownHostsFile } = lab;
  const lines = ACCOUNTS.flatMap((account) =>
    HOSTS.map(
      (host) => `${host}-${account} ansible_host=${labHost(host).address} ansible_user=worker${account}`,
    ),
  );
  const settings = `ansible_ssh_private_key_file=${keyFile}\nansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}`;
  await writeFile(path.join(folder, "many.ini"), `[all]\n${lines.join("\n")}\n[all:vars]\n${settings}\n`);
  await writeFile(path.join(folder, "vars.yml"), "word: from a file\n");
  const make = ACCOUNTS.map(
    (account) =>
      `userdel -rf worker${account} 2>/dev/null; useradd -m -p '*' -s /bin/sh worker${account} && install -d -m 700 -o worker${account} /home/worker${account}/.ssh && install -m 600 -o worker${account} /root/.ssh/authorized_keys /home/worker${account}/.ssh/`,
  ).join(" && ");
  await Promise.all(HOSTS.map((host) => onHost(host, make)));
  const prepared = command(
    "history",
    "prepare",
    "--record",
    team.address("team_owner"),
    "--worker",
    "team_worker",
  );
  expect(await prepared.ended, prepared.text()).toBe(0);
  await startWorkers(3);
}, 300_000);

afterAll(async () => {
  for (const { child } of workers) child.kill("SIGTERM");
  await Promise.all(workers.map(({ ended }) => ended));
  await team.remove();
  const remove = ACCOUNTS.map(
    (account) => `pkill -KILL -u worker${account}; userdel -rf worker${account}`,
  ).join("; ");
  await Promise.all(HOSTS.map((host) => onHost(host, `${remove}; true`)));
});

const environment = (): Record<string, string> => ({ PGPASSWORD: team.password, PLUMB_RUNS_DIR: "" });
const command = (...args: string[]): PlumbProcess =>
  startCommand(args, { cwd: folder, environment: environment() });

async function startWorkers(count: number, cwd = folder): Promise<void> {
  const more = Array.from({ length: count }, () =>
    startCommand(["worker", team.address("team_worker"), "--forks", "3"], {
      cwd,
      environment: environment(),
    }),
  );
  workers = [...workers, ...more];
  for (const worker of more)
    await vi.waitFor(() => expect(worker.text()).toContain("ready"), { timeout: 60_000 });
}

async function playbook(text: string): Promise<void> {
  await writeFile(path.join(folder, "site.yml"), text);
  await Promise.all(
    HOSTS.map((host) =>
      onHost(host, "rm -f /home/worker*/log /home/worker*/copied /home/worker*/done /home/worker*/go-on"),
    ),
  );
}

const rollOut = (hear: (event: Event) => void = () => undefined, ...more: string[]): PlumbProcess =>
  startPlumb(["run", "site.yml", "-i", "many.ini", "-e", "@vars.yml", "--diff", ...more], {
    cwd: folder,
    environment: environment(),
    hear,
  });
const withWorkers = (hear?: (event: Event) => void, ...more: string[]): PlumbProcess =>
  rollOut(hear, "--workers", team.address("team_worker"), ...more);

const finishedOf = ({ events }: PlumbProcess): RunFinished => {
  const finished = events.findLast((event) => event.type === "run-finished");
  if (finished === undefined) throw new Error("the run has no end");
  return finished;
};
const has = (run: PlumbProcess, type: Event["type"]): Promise<void> =>
  expect.poll(() => run.events.map((event) => event.type), { message: run.text() }).toContain(type);
const faredAs = (run: PlumbProcess): unknown =>
  finishedOf(run).hosts.map(({ host, outcome, counts }) => ({ host, outcome, counts }));
const warnings = ({ events }: PlumbProcess): string[] =>
  events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
const logs = async (): Promise<string[]> =>
  (
    await Promise.all(
      HOSTS.map((host) => onHost(host, "for n in 1 2 3 4; do tr '\\n' ' ' < /home/worker$n/log; echo; done")),
    )
  ).flatMap((text) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.trim()),
  );

/** A PgBouncer in front of the database, on port 6432 of its host. */
const pooler = (mode: "transaction" | "session"): Promise<string> =>
  onHost(
    "bookworm1",
    `${havePackages("pgbouncer")}
printf '[databases]\nteam = host=127.0.0.1\n[pgbouncer]\nlisten_addr = *\nlisten_port = 6432\nauth_type = scram-sha-256\nauth_file = /etc/pgbouncer/userlist.txt\npool_mode = ${mode}\nserver_tls_sslmode = require\n' > /etc/pgbouncer/pgbouncer.ini
printf '"team_worker" "${team.password}"\n' > /etc/pgbouncer/userlist.txt; systemctl restart pgbouncer; for n in $(seq 300); do ss -ltn | grep -q :6432 && exit; sleep 0.2; done; exit 1`,
  );

describe("three workers", () => {
  test("one of them killed: nothing is lost, nothing is done twice at once, batches hold, and record, summary and exit code are a run's", async () => {
    await playbook(`- hosts: all
  serial: 6
  tasks:
    - {name: copied, copy: {content: "{{word}} {{inventory_hostname}}\\n", dest: "/home/{{ansible_user}}/copied"}, notify: tell}
    - {name: beside it, copy: {content: "{{word}}", dest: "/home/{{ansible_user}}/beside"}}
    - {name: slow, shell: "echo begin >> log; until [ -e go-on ]; do sleep 0.1; done; echo end >> log"}
  handlers:
    - {name: tell, shell: "echo handler >> log"}
`);
    const goOn = ACCOUNTS.map((account) => `touch /home/worker${account}/go-on`).join("; ");
    let killed = 0;
    const run = withWorkers((event) => {
      // The first worker that is at the slow task of a host.
      if (killed === 0 && event.type === "task-started" && event.task.name === "slow") {
        killed = 1;
        void team
          .sql(
            "select worker from plumb.worker_job where worker is not null and result is null order by id limit 1",
          )
          .then(async (number) => {
            const victim = workers.find(({ text }) => text().includes(`worker ${number.trim()},`));
            victim?.child.kill("SIGKILL");
            await victim?.ended;
            killed = 2;
            await Promise.all(HOSTS.map((host) => onHost(host, goOn)));
          });
      }
    });
    expect(await run.ended, run.text()).toBe(0);
    expect(killed).toBe(2);
    expect(workers.filter(({ child }) => child.signalCode === "SIGKILL")).toHaveLength(1);
    const lost = warnings(run).filter((message) => message.includes("is gone; another one goes on"));
    expect(lost.length).toBeGreaterThan(0);
    // A command that a dead worker left came to its end before another one began it anew; it may have got as far as the handler.
    for (const log of await logs()) expect(log).toMatch(/^(begin end (handler )?)?begin end handler$/);
    expect(finishedOf(run).hosts.map(({ host, outcome }) => `${host} ${outcome}`)).toEqual(
      NAMES.map((host) => `${host} ok`),
    );
    for (const { host, counts, counters } of finishedOf(run).hosts) {
      // Who is killed takes along how the change under way ended; that it was begun is known. It had been made, or the next worker makes it.
      const isOpen = run.events.some(
        (event) =>
          event.type === "warning" &&
          event.host === host &&
          /the middle of `(copied|beside it)`/.test(event.message),
      );
      expect(isOpen ? [2, 3, 4] : [4], host).toContain(counts.changed);
      // Both files were made in one trip, and the run had heard of both before.
      const told = run.events.flatMap((event) =>
        (event.type === "task-started" || event.type === "task-finished") && event.host === host
          ? [`${event.type} ${event.task.name}`]
          : [],
      );
      expect(told.slice(0, 2)).toEqual(["task-started copied", "task-started beside it"]);
      expect(counters?.roundTrips).toBeGreaterThan(0);
    }
    expect(warnings(run).join("\n")).toContain("went in the middle of `slow`");
    // Nobody of the second batch was touched before the first was done.
    const place = (host: string, type: Event["type"]): number[] =>
      run.events.flatMap((event, index) =>
        event.type === type && "host" in event && event.host === host ? [index] : [],
      );
    const lastOfFirst = Math.max(...NAMES.slice(0, 6).flatMap((host) => place(host, "task-finished")));
    const firstOfSecond = Math.min(...NAMES.slice(6).flatMap((host) => place(host, "host-connected")));
    expect(firstOfSecond).toBeGreaterThan(lastOfFirst);
    // All of them have worked, and the record has what was told.
    const file = path.join(folder, ".plumb", "runs", `${finishedOf(run).runId}.jsonl`);
    const recorded = (await readFile(file, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(recorded.filter(({ type }) => type === "task-finished")).toHaveLength(
      run.events.filter(({ type }) => type === "task-finished").length,
    );
    expect(recorded.at(-1)).toMatchObject({ type: "run-finished", outcome: "ok" });
    expect(await team.sql("select count(*) from plumb.worker_run")).toBe("0\n");
    await startWorkers(1);
  });

  test.each(["max_fail_percentage: 10", "any_errors_fatal: true"])(
    "%s ends the run as without workers: the next batch is left alone",
    async (keyword) => {
      // It fails when the others of its batch are done.
      const text = `- hosts: all
  gather_facts: false
  serial: 6
  ${keyword}
  tasks:
    - {name: first, shell: "echo first >> log"}
    - {name: fails, shell: "until [ -e go-on ]; do sleep 0.05; done; false", when: inventory_hostname == 'trixie1-1'}
`;
      const hear = (): ((event: Event) => void) => {
        const done = new Set<string>();
        return (event) => {
          if (event.type !== "task-finished" || event.task.name !== "fails") return;
          if (done.add(event.host).size === 5) void onHost("trixie1", "touch /home/worker1/go-on");
        };
      };
      await playbook(text);
      const together = withWorkers(hear());
      expect(await together.ended).toBe(1);
      expect((await logs()).filter((log) => log === "first")).toHaveLength(6);
      await playbook(text);
      const alone = rollOut(hear(), "--forks", "6");
      expect(await alone.ended).toBe(1);
      expect(faredAs(together)).toEqual(faredAs(alone));
    },
  );

  const slow = `- hosts: all
  gather_facts: false
  serial: 6
  tasks:
    - {name: slow, shell: "echo begin >> log; sleep 2; echo end >> log", args: {creates: "/home/{{ansible_user}}/done"}}
    - {name: done, file: {path: "/home/{{ansible_user}}/done", state: touch, modification_time: preserve, access_time: preserve}}
`;
  const begun = (run: PlumbProcess): Promise<void> => has(run, "task-started");

  test("check mode is told as without workers, and touches nothing", async () => {
    await playbook(slow);
    const together = withWorkers(undefined, "--check");
    expect(await together.ended, together.text()).toBe(0);
    const alone = rollOut(undefined, "--check");
    expect(await alone.ended).toBe(0);
    expect(faredAs(together)).toEqual(faredAs(alone));
    expect((await logs()).join("")).toBe("");
  });

  test("a health gate holds across workers: a batch waits until those before it are well, and is left alone if they do not get well", async () => {
    const gated = (tries: number): string => `- hosts: all
  gather_facts: false
  serial: [1, 11]
  max_fail_percentage: 0
  tasks:
    - {name: change, shell: "echo change >> log"}
    - name: well
      shell: "echo try >> log; [ $(grep -c try log) -ge ${tries} ]"
      register: answer
      until: answer.rc == 0
      retries: 3
      delay: 0.2
      changed_when: false
`;
    await playbook(gated(3));
    const well = withWorkers();
    expect(await well.ended, well.text()).toBe(0);
    expect(await logs()).toEqual(NAMES.map(() => "change try try try"));
    const [canary = ""] = NAMES;
    const at = (find: (event: Event) => boolean): number => well.events.findIndex(find);
    expect(
      at((event) => event.type === "task-finished" && event.host === canary && event.task.name === "well"),
    ).toBeLessThan(at((event) => event.type === "host-connected" && event.host !== canary));
    await playbook(gated(9));
    const ill = withWorkers();
    expect(await ill.ended).toBe(1);
    expect((await logs()).filter((log) => log !== "")).toEqual(["change try try try try"]);
  });

  test("the run that leads is killed: workers finish the step under way and begin no other, and the next run goes on", async () => {
    await playbook(slow);
    const run = withWorkers();
    await begun(run);
    run.child.kill("SIGKILL");
    await run.ended;
    await expect
      .poll(() =>
        team.sql("select count(*) from plumb.worker_job where worker is not null and result is null"),
      )
      .toBe("0\n");
    const left = await logs();
    expect(left.filter((log) => log !== "" && log !== "begin end")).toEqual([]);
    expect(left.filter((log) => log !== "").length).toBeLessThanOrEqual(6);
    const next = withWorkers();
    expect(await next.ended, next.text()).toBe(0);
    expect(finishedOf(next).hosts).toHaveLength(12);
    expect(await team.sql("select count(*) from plumb.worker_run")).toBe("0\n");
  });

  test("a database that is restarted in the middle: the run and its workers come back, nothing is lost, and nothing is done twice", async () => {
    await playbook(slow);
    const run = withWorkers();
    await begun(run);
    await team.service("restart");
    expect(await run.ended, run.text()).toBe(0);
    expect(warnings(run).filter((message) => message.includes("the queue is away"))).toHaveLength(1);
    expect(await logs()).toEqual(NAMES.map(() => "begin end"));
    for (const { counts } of finishedOf(run).hosts) expect(counts.changed).toBe(2);
    expect(run.events.filter(({ type }) => type === "task-finished")).toHaveLength(24);
    for (const { text, child } of workers.filter(({ child }) => child.signalCode === null))
      await expect.poll(text, { message: `process ${child.pid}` }).toContain("the database is back");
  });

  test("a database that is not waited for any longer: hosts under way are told as unreachable, and when it is back workers are there by themselves", async () => {
    await playbook(slow);
    const run = withWorkers();
    await begun(run);
    await team.service("stop");
    await expect.poll(() => warnings(run).join("\n")).toContain("the queue is away");
    run.child.kill("SIGINT");
    await has(run, "stopping");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    const told = run.events.filter((event) => event.type === "host-unreachable");
    expect(told.length).toBeGreaterThan(0);
    for (const event of told)
      expect(event).toMatchObject({ message: expect.stringContaining("the queue was lost") });
    await team.service("start");
    const next = withWorkers();
    expect(await next.ended, next.text()).toBe(0);
    for (const log of await logs()) expect(log).toMatch(/^(begin end ?){1,2}$/);
  });

  test("a pooler in front of the database: one that lends sessions by transaction is refused, one that gives them is taken", async () => {
    const pooled = (user: string): string =>
      `postgres://${user}@${labHost("bookworm1").address}:6432/team?sslmode=disable`;
    await pooler("transaction");
    for (const args of [
      ["worker", pooled("team_worker")],
      ["run", "site.yml", "-i", "many.ini", "--workers", pooled("team_worker")],
    ]) {
      const refused = command(...args);
      expect(await refused.ended).toBe(2);
      expect(refused.text()).toMatch(/database-unavailable[\s\S]*pool_mode/);
    }
    await pooler("session");
    await playbook(slow);
    const run = rollOut(
      undefined,
      "--limit",
      NAMES.slice(0, 3).join(","),
      "--workers",
      pooled("team_worker"),
    );
    expect(await run.ended, run.text()).toBe(0);
    expect((await logs()).filter((log) => log === "begin end")).toHaveLength(3);
    await onHost("bookworm1", "apt-get -qq purge -y pgbouncer >/dev/null 2>&1; rm -rf /etc/pgbouncer");
  });

  test("Ctrl-C stops workers behind the step under way, and what nobody has begun is left", async () => {
    await playbook(`- hosts: all
  gather_facts: false
  tasks:
    - {name: slow, shell: "echo begin >> log; sleep 1; echo end >> log"}
    - {name: never, shell: "echo never >> log"}
`);
    const run = withWorkers();
    await has(run, "task-started");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    expect(finishedOf(run).outcome).toBe("interrupted");
    expect((await logs()).filter((log) => log !== "" && log !== "begin end")).toEqual([]);
  });

  test("a play that holds its hosts together is run by the controller, and says why; what workers can't know is refused", async () => {
    await playbook(`- hosts: all
  gather_facts: false
  tasks:
    - {name: once, shell: "echo once >> log", run_once: true}
`);
    const run = withWorkers();
    expect(await run.ended).toBe(0);
    expect(warnings(run).join("\n")).toMatch(/not by workers: `run_once`.*site.yml:4:\d+/);
    expect((await logs()).filter((log) => log === "once")).toHaveLength(1);
    const typed = withWorkers(undefined, "-e", "secret=1");
    expect(await typed.ended).toBe(2);
    expect(typed.text()).toContain("may be secret");
  });

  test("a worker whose files are not the run's takes no part", async () => {
    await playbook(
      '- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: first, shell: "echo first >> log"}\n',
    );
    const other = `${folder}-other`;
    await cp(folder, other, { recursive: true });
    await writeFile(path.join(other, "vars.yml"), "word: another\n");
    await startWorkers(1, other);
    const run = withWorkers();
    expect(await run.ended).toBe(0);
    const refused =
      /a worker \(process \d+ of \S+@\S+\) takes no part in this run: the files here are not the run's: vars.yml has changed/;
    await expect
      .poll(() => workers.at(-1)?.text())
      .toMatch(/takes no part[\s\S]*the files here are not the run's: vars.yml has changed/);
    expect(warnings(run).filter((message) => !refused.test(message))).toEqual([]);
    expect((await logs()).filter((log) => log === "first")).toHaveLength(12);
  });

  test("a worker takes nothing from outside of its folder, whoever asks for it in the database", async () => {
    const outside = `${folder}-outside.yml`;
    await writeFile(
      outside,
      '- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: first, shell: "echo first >> log"}\n',
    );
    const options = ["-i", "many.ini", "--workers", team.address("team_worker")];
    const run = startPlumb(["run", outside, ...options], { cwd: folder, environment: environment() });
    await expect.poll(() => warnings(run).join("\n")).toContain("is not inside of the folder");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    expect(finishedOf(run).hosts.every(({ counts }) => counts.changed === 0)).toBe(true);
  });
});
