import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { lockScript } from "../../src/converge/host-lock.ts";
import { PLUMB } from "../built-plumb.ts";
import { folderWithHosts, labHost, onHost, restartSshd } from "./lab-hosts.ts";
import { type PlumbProcess, startPlumb } from "./plumb-process.ts";
import { relayTo, throughRelay } from "./relay.ts";

/** A host whose run has died in the middle of a command, on both releases. */
const HOSTS = ["bookworm1", "trixie1"];

let folder = "";

beforeAll(async () => {
  folder = await folderWithHosts("locks", HOSTS);
  await writeFile(
    path.join(folder, "site.yml"),
    `- hosts: all
  become: true
  gather_facts: false
  tasks:
    - shell: echo begun > /tmp/locks-begun; {{ command }}; echo done >> /tmp/locks-done
      when: command != ""
      become_user: '{{ default user "root" }}'
    - copy: {content: "next\\n", dest: /tmp/locks-next}
`,
  );
});

const plumb = (command: string, ...more: string[]): PlumbProcess =>
  startPlumb(
    ["run", "site.yml", "-i", "hosts.ini", "-e", JSON.stringify({ command }), "--no-record", ...more],
    {
      cwd: folder,
    },
  );

const clean = async (): Promise<void> => {
  for (const host of HOSTS) await onHost(host, "rm -f /tmp/locks-*");
};

async function begun(hosts: readonly string[]): Promise<void> {
  for (const host of hosts) await onHost(host, "until [ -e /tmp/locks-begun ]; do sleep 0.05; done");
}

const warnings = ({ events }: PlumbProcess): string[] =>
  events.flatMap((event) => (event.type === "warning" ? [event.message] : []));

describe("a controller that was killed while a command runs", () => {
  test("the command goes on to its end, whatever it writes; the next run says what it waits for, and then goes on", async () => {
    await clean();
    // More than a pipe holds: who writes there must neither die nor wait for ever.
    const first = plumb("mkfifo /tmp/locks-gate; cat /tmp/locks-gate; seq 50000; seq 50000 >&2");
    await begun(HOSTS);
    first.child.kill("SIGKILL");
    await first.ended;
    for (const host of HOSTS)
      await onHost(host, "until pgrep -f '^cat /tmp/locks[-]gate' >/dev/null; do sleep 0.05; done");
    const next = plumb("");
    await expect.poll(() => warnings(next).length).toBe(2);
    for (const host of HOSTS) await onHost(host, "echo > /tmp/locks-gate");
    expect(await next.ended).toBe(0);
    expect(warnings(next)).toHaveLength(2);
    expect(warnings(next)[0]).toMatch(/waiting for what a run that is gone has left: cat .*by .*@.* since/);
    for (const host of HOSTS) {
      await expect
        .poll(() => onHost(host, "cat /tmp/locks-done; pgrep -f 'plumb[_]mark' || true"))
        .toBe("done\n");
    }
  });

  test("so does one of another user, and is waited for as well: the lock is for all shells of the run", async () => {
    await clean();
    const first = plumb("sleep 3", "-e", "user=games");
    await begun(HOSTS);
    first.child.kill("SIGKILL");
    await first.ended;
    const next = plumb("");
    expect(await next.ended).toBe(0);
    expect(warnings(next)[0]).toMatch(/waiting for what a run that is gone has left: sleep 3 ; +\(/);
    for (const host of HOSTS)
      expect(await onHost(host, "cat /tmp/locks-done; stat -c %U /tmp/locks-done")).toBe("done\ngames\n");
  });

  test("several things that take their time, in one trip, are each waited for as long as one", async () => {
    const [host = ""] = HOSTS;
    const owner = { runId: "later", who: "somebody@elsewhere", since: "now", controller: "-" };
    const terms = {
      createState: true,
      waitSeconds: 1,
      takeOver: false,
      deadController: undefined,
      suffix: "",
    };
    // As a run leaves it whose connection is gone: its shell goes on with what it has below it.
    const said = await onHost(
      host,
      `mkdir -p -m 0700 /var/lib/plumb; sh -c 'sleep 60; :' >/dev/null 2>&1 & pid=$!; since=$(cut -d ' ' -f 22 /proc/$pid/stat)
printf '%s\\n' "$pid $since 4194304 1 - earlier" 'slow 1' 'slow 3' > /var/lib/plumb/lock
sh <<'THE_END_OF_IT' 2>&1 >/dev/null | tail -n 1
${lockScript(owner, host, terms).shell}
THE_END_OF_IT
kill $(pgrep -P $pid) $pid; rm -f /var/lib/plumb/lock`,
    );
    expect(said).toBe("3 earlier\n");
  });

  test("--take-over ends it, with all that it has started", async () => {
    await clean();
    const first = plumb("sleep 4321 & sleep 4321");
    await begun(HOSTS);
    first.child.kill("SIGKILL");
    await first.ended;
    const next = plumb("", "--take-over");
    expect(await next.ended).toBe(0);
    for (const host of HOSTS) {
      await expect
        .poll(() =>
          onHost(
            host,
            "ls /tmp/locks-done 2>/dev/null; pgrep -f '[s]leep 4321|plumb[_]mark' || true; cat /tmp/locks-next",
          ),
        )
        .toBe("next\n");
    }
  });

  test("a link that was cut without the host knowing keeps nothing locked: the next run knows that the controller is dead", async () => {
    await clean();
    const host = "bookworm1";
    const relay = await relayTo(labHost(host).address);
    const variables = await throughRelay(host, relay.port);
    await writeFile(
      path.join(folder, "relayed.ini"),
      `${host} ${Object.entries(variables)
        .map(([name, value]) => `${name}="${value}"`)
        .join(" ")} ansible_user=admin\n`,
    );
    const first = startPlumb(
      ["run", "site.yml", "-i", "relayed.ini", "-e", JSON.stringify({ command: "sleep 2" }), "--no-record"],
      { cwd: folder },
    );
    await begun([host]);
    relay.silence();
    first.child.kill("SIGKILL");
    await first.ended;
    // sshd on the host still holds the connection.
    expect(await onHost(host, "pgrep -fc '^sshd: admin'")).not.toBe("0\n");
    const next = plumb("", "--limit", host);
    expect(await next.ended).toBe(0);
    expect(await onHost(host, "cat /tmp/locks-done /tmp/locks-next")).toBe("done\nnext\n");
    await expect.poll(() => onHost(host, "pgrep -f '^sshd: admin|plumb[_]mark' || true")).toBe("");
    relay.cut();
  });

  test("of a controller on another machine nobody knows whether it lives: its host is locked until sshd finds the link dead, and then free", async () => {
    await clean();
    const host = "bookworm1";
    const settings = "/etc/ssh/sshd_config.d/99-alive.conf";
    await onHost(
      host,
      `printf 'ClientAliveInterval 2\\nClientAliveCountMax 2\\n' > ${settings}; ${restartSshd}`,
    );
    const relay = await relayTo(labHost(host).address);
    const variables = await throughRelay(host, relay.port);
    const words = Object.entries(variables).map(([name, value]) => `${name}="${value}"`);
    await writeFile(path.join(folder, "far.ini"), `${host} ${words.join(" ")} ansible_user=admin\n`);
    // Processes of another namespace are those of another machine.
    const apart = ["--pid", "--fork", "--kill-child", "--mount-proc", process.execPath, PLUMB];
    const options = [
      "run",
      "site.yml",
      "-i",
      "far.ini",
      "-e",
      JSON.stringify({ command: "sleep 600" }),
      "--no-record",
    ];
    const far = spawn("unshare", [...apart, ...options], { cwd: folder, stdio: "ignore" });
    try {
      await begun([host]);
      relay.silence();
      const ended = new Promise((resolve) => far.on("close", resolve));
      far.kill("SIGKILL");
      await ended;
      const locked = plumb("", "--limit", host, "--take-over");
      expect(await locked.ended).toBe(1);
      expect(locked.events.find(({ type }) => type === "host-unreachable")).toMatchObject({
        code: "locked",
        hint: expect.stringMatching(/`sudo kill \d+` on the host ends it/),
      });
      await onHost(host, "while pgrep -f '^sshd: admin' >/dev/null; do sleep 0.2; done");
      const next = plumb("", "--limit", host, "--take-over");
      expect(await next.ended).toBe(0);
      expect(await onHost(host, "pgrep -f '[s]leep 600' || true; cat /tmp/locks-next")).toBe("next\n");
    } finally {
      far.kill("SIGKILL");
      relay.cut();
      await onHost(host, `rm -f ${settings}; ${restartSshd}`);
    }
  });
});
