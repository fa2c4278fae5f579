import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { runTasks } from "./converge.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";
import { relayTo, throughRelay } from "./relay.ts";

const HOST = "bookworm1";
const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), "plumb-test-"));
const unreachableCode = (events: readonly { type: string }[]): unknown =>
  events.find(
    (event): event is { type: "host-unreachable"; code: string } => event.type === "host-unreachable",
  )?.code;

describe("writing", () => {
  test("a template that fails to render changes nothing, and the message points into it", async () => {
    const folder = await newFolder();
    await writeFile(path.join(folder, "site.conf.hbs"), "port {{port}}\nname {{naem}}\n");
    await onHost(HOST, "echo old > /srv/site.conf");
    const { tasks } = await runTasks(
      "- template: {src: site.conf.hbs, dest: /srv/site.conf}\n  vars: {port: 1, name: x}",
      { hosts: [HOST] },
      folder,
    );
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toContain("naem");
    expect(JSON.stringify(tasks[0])).toContain("site.conf.hbs");
    expect(await onHost(HOST, "cat /srv/site.conf")).toBe("old\n");
  });

  test("names and contents may hold anything, wherever they are put", async () => {
    const weird = `it's "$HOME" \`id\` $(id) \\ ü€ ; | & <b> %s`;
    const value = JSON.stringify(`${weird}\nsecond line`);
    const name = JSON.stringify(weird.replaceAll("/", ""));
    const folder = await newFolder();
    await writeFile(path.join(folder, "weird.hbs"), "{{value}}|{{#each list}}{{this}}|{{/each}}");
    const { tasks } = await runTasks(
      `- name: ${name}
  vars: {value: ${value}, list: [${value}, plain]}
  environment: {WEIRD: ${value}}
  notify: ${name}
  block:
    - template: {src: weird.hbs, dest: /srv/weird}
    - shell: printf %s "$WEIRD"
      register: environment
    - command: {argv: [printf, "%s", "{{value}}"]}
      register: argument
    - shell: cat
      args: {stdin: "{{value}}", stdin_add_newline: false}
      register: input
    - lineinfile: {path: /srv/weird-lines, line: ${name}, create: true}
    - file: {path: "/srv/weird dir/{{list.[1]}} ${weird.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}", state: directory}
    - slurp: {src: /srv/weird}
      register: written
    - assert:
        that:
          - environment.stdout == value
          - argument.stdout == value
          - input.stdout == value
          - base64_decode(written.content) == value + "|" + value + "|plain|"`,
      {
        hosts: [HOST],
        handlers: `- name: ${name}\n  shell: printf %s {{quote value}} > /srv/weird-handled\n  vars: {value: ${value}}`,
      },
      folder,
    );
    expect(tasks.filter(({ status }) => status === "failed")).toEqual([]);
    expect(await onHost(HOST, "cat /srv/weird-handled")).toBe(`${weird}\nsecond line`);
    expect(await onHost(HOST, "cat /srv/weird-lines")).toBe(`${weird}\n`);
    expect(await onHost(HOST, "ls '/srv/weird dir'")).toBe(`plain ${weird}\n`);
  });

  test("a file that its validation refuses is not replaced", async () => {
    await onHost(HOST, "echo old > /srv/validated");
    const { tasks } = await runTasks(
      `- copy: {content: "new", dest: /srv/validated, validate: 'grep -q old %s'}`,
      { hosts: [HOST] },
    );
    expect(tasks[0]?.status).toBe("failed");
    expect(await onHost(HOST, "cat /srv/validated; ls -a /srv | grep plumb-write || true")).toBe("old\n");
  });

  test("what is left beside a file by whoever had no time to clear up is removed by the next run, also where it writes nothing there", async () => {
    const beside = (): Promise<string> => onHost(HOST, "ls -a /srv | grep plumb-write || true");
    const cut = await runTasks(
      `- copy: {content: "cut", dest: /srv/validated, validate: "sh -c 'pkill -KILL -f plumb[_]mark' %s"}`,
      { hosts: [HOST] },
    );
    expect(cut.tasks.some(({ status }) => status === "changed")).toBe(false);
    expect(await beside()).toContain(".plumb-write.");
    const next = await runTasks("- command: 'true'", { hosts: [HOST] });
    expect(next.tasks[0]?.status).toBe("changed");
    expect(await beside()).toBe("");
    expect(await onHost(HOST, "cat /srv/validated; cat /var/lib/plumb/writing 2>/dev/null || true")).toBe(
      "old\n",
    );
  });

  test("a service that has failed so often that systemd starts it no more is started when what it failed of is mended", async () => {
    await onHost(
      HOST,
      "printf '[Service]\\nExecStart=/bin/sh -c \"[ -e /srv/needed ] && exec sleep 600\"\\nRestart=on-failure\\nRestartSec=10ms\\n' > /run/systemd/system/often.service; systemctl daemon-reload; systemctl start often; for n in $(seq 50); do systemctl start often 2>/dev/null && sleep 0.1 || break; done; ! systemctl start often 2>/dev/null",
    );
    const { tasks } = await runTasks(
      "- file: {path: /srv/needed, state: touch}\n- systemd: {name: often, state: started}",
      { hosts: [HOST] },
    );
    expect(tasks.map(({ status, message }) => `${status} ${message}`)).toEqual([
      expect.stringContaining("changed"),
      expect.stringContaining("changed"),
    ]);
    expect(
      await onHost(
        HOST,
        "systemctl is-active often; systemctl stop often; rm /run/systemd/system/often.service /srv/needed; systemctl daemon-reload",
      ),
    ).toBe("active\n");
  });

  test("a service that ends right after its start or reload has failed, unless nobody waits for that", async () => {
    await onHost(
      HOST,
      "printf '[Service]\\nExecStart=/bin/sleep 0.4\\n' > /run/systemd/system/brief.service; printf '[Service]\\nExecStart=/bin/sleep 600\\nExecReload=/bin/sh -c \"(sleep 0.3; kill -9 $MAINPID) &\"\\n' > /run/systemd/system/touchy.service; systemctl daemon-reload; systemctl start touchy",
    );
    const { tasks } = await runTasks(
      "- systemd: {name: brief, state: started}\n  ignore_errors: true\n- systemd: {name: brief, state: restarted, settle_seconds: 0}\n- systemd: {name: touchy, state: reloaded}\n  ignore_errors: true",
      { hosts: [HOST] },
    );
    await onHost(
      HOST,
      "rm /run/systemd/system/brief.service /run/systemd/system/touchy.service; systemctl daemon-reload",
    );
    expect(tasks.map(({ status }) => status)).toEqual(["ignored", "changed", "ignored"]);
  });

  test("a full disk leaves the old file", async () => {
    await onHost(
      HOST,
      "mkdir -p /srv/small && mountpoint -q /srv/small || mount -t tmpfs -o size=64k tmpfs /srv/small; echo old > /srv/small/file; head -c 60000 /dev/zero > /srv/small/filler 2>/dev/null || true",
    );
    const folder = await newFolder();
    await writeFile(path.join(folder, "large"), randomBytes(200_000));
    const { tasks } = await runTasks(
      "- copy: {src: large, dest: /srv/small/file}",
      { hosts: [HOST] },
      folder,
    );
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toMatch(/No space left|bytes arrived/);
    expect(
      await onHost(
        HOST,
        "cat /srv/small/file; ls -a /srv/small | grep plumb-write || true; umount /srv/small",
      ),
    ).toBe("old\n");
  });

  test("50 MB of binary data arrive as they were", async () => {
    const folder = await newFolder();
    const bytes = randomBytes(50 * 1024 * 1024);
    await writeFile(path.join(folder, "binary"), bytes);
    const tasks = "- copy: {src: binary, dest: /srv/binary, mode: '0600'}";
    // Those of runs that were killed stay for a day.
    const uploads = (): Promise<string> =>
      onHost(HOST, "find /var/lib/plumb /home/admin -name 'upload.*' | sort");
    const before = await uploads();
    const first = await runTasks(tasks, { hosts: [HOST] }, folder);
    expect(first.statuses).toEqual(["changed copy"]);
    expect((await onHost(HOST, "sha256sum /srv/binary")).slice(0, 64)).toBe(
      createHash("sha256").update(bytes).digest("hex"),
    );
    expect((await runTasks(tasks, { hosts: [HOST] }, folder)).statuses).toEqual(["ok copy"]);
    expect(await uploads()).toBe(before);
    await onHost(HOST, "rm /srv/binary");
  });
});

describe("commands", () => {
  test("10,000 lines of output come back whole", async () => {
    const { tasks } = await runTasks(
      "- shell: seq 10000\n  register: out\n- assert: {that: length(out.stdout_lines) == 10000}",
      { hosts: [HOST] },
    );
    expect(tasks.map(({ status }) => status)).toEqual(["changed", "ok"]);
  });

  test("a command that waits for input gets none, and goes on", async () => {
    const { tasks } = await runTasks(
      "- shell: read answer || echo nothing\n  register: out\n- assert: {that: out.stdout == 'nothing'}",
      { hosts: [HOST] },
    );
    expect(tasks.map(({ status }) => status)).toEqual(["changed", "ok"]);
  });

  test("a time limit ends the command and all that it started", async () => {
    const { tasks } = await runTasks("- shell: sleep 4321 & sleep 4321\n  timeout: 1", { hosts: [HOST] });
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toContain("time limit");
    await expect(onHost(HOST, "pgrep -f '[s]leep 4321'")).rejects.toThrow();
  });
});

/** Waits on the host itself; a minute at most. */
const until = (condition: string): string => `for n in $(seq 600); do ${condition} && break; sleep 0.1; done`;

/** What a run that is gone has left has come to its end. */
const unlocked = until(`! kill -0 "$(cut -d ' ' -f 1 /var/lib/plumb/lock)" 2>/dev/null`);

describe("an interrupted run", () => {
  test("a connection that is cut in the middle of a step makes the host unreachable, and the next run finishes", async () => {
    const { port, cut } = await relayTo(labHost(HOST).address);
    await onHost(HOST, "rm -f /srv/cut-*");
    const tasks =
      "- shell: touch /srv/cut-begun; until [ -e /srv/cut-on ]; do sleep 0.1; done; echo done > /srv/cut\n  args: {creates: /srv/cut}";
    const running = runTasks(tasks, { hosts: [HOST], variables: await throughRelay(HOST, port) });
    await onHost(HOST, until("[ -e /srv/cut-begun ]"));
    cut();
    const broken = await running;
    expect(broken.finished.outcome).toBe("unreachable");
    await onHost(HOST, "touch /srv/cut-on");
    // The host finishes the script that was under way; a run that comes too early is told that the host is locked.
    await onHost(HOST, `${until("[ -e /srv/cut ]")}; ${unlocked}`);
    const next = await runTasks(tasks, { hosts: [HOST] });
    expect(next.finished.outcome).toBe("ok");
    expect(await onHost(HOST, "cat /srv/cut; rm /srv/cut /srv/cut-*")).toBe("done\n");
  });

  test("a link that has gone silent is found out, and the host is unreachable", async () => {
    const { port, cut, silence } = await relayTo(labHost(HOST).address);
    const variables = await throughRelay(HOST, port, "-o ServerAliveInterval=1 -o ServerAliveCountMax=2");
    const running = runTasks("- shell: sleep 60", { hosts: [HOST], variables });
    await onHost(HOST, until("pgrep -f '[s]leep 60' >/dev/null"));
    silence();
    const { events, finished } = await running;
    cut();
    await onHost(HOST, "pkill -f '[s]leep 60'; true");
    expect(finished.outcome).toBe("unreachable");
    expect(unreachableCode(events)).toBe("connection-lost");
  });

  test("kill -9 of the controller: the handler that was notified runs next time", async () => {
    const folder = await newFolder();
    const playbook = path.join(folder, "play.yml");
    await writeFile(
      playbook,
      "- hosts: all\n  become: true\n  tasks:\n    - copy: {content: x, dest: /srv/notifies}\n      notify: tell\n    - shell: touch /srv/reached; exec sleep 4323\n      when: slow\n  handlers:\n    - name: tell\n      shell: echo ran >> /srv/handled\n",
    );
    const { keyFile, knownHostsFile } = lab;
    await writeFile(
      path.join(folder, "hosts.ini"),
      `${HOST} ansible_host=${labHost(HOST).address} ansible_user=admin ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args="-o UserKnownHostsFile=${knownHostsFile}"\n`,
    );
    await onHost(HOST, "rm -f /srv/notifies /srv/reached /srv/handled");
    const args = [PLUMB, "run", playbook, "-i", path.join(folder, "hosts.ini")];
    const killed = spawn(process.execPath, [...args, "-e", '{"slow": true}'], { stdio: "ignore" });
    await onHost(HOST, until("[ -e /srv/reached ]"));
    killed.kill("SIGKILL");
    await once(killed, "close");
    await onHost(HOST, `pkill -f '[s]leep 4323'; ${unlocked}`);
    const next = await new Promise<string>((resolve) => {
      const child = spawn(process.execPath, [...args, "-e", '{"slow": false}'], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
      child.on("close", () => resolve(output));
    });
    expect(next).toContain("handlers left by an interrupted run: tell");
    expect(
      await onHost(HOST, "cat /srv/handled; cat /var/lib/plumb/pending-handlers 2>/dev/null || true"),
    ).toBe("ran\n");
  });

  test("two runs never work on one host at once", async () => {
    await onHost(HOST, "rm -f /tmp/begun /tmp/go-on");
    const waiting = "touch /tmp/begun; until [ -e /tmp/go-on ]; do sleep 0.1; done";
    const first = runTasks(`- shell: "${waiting}"`, { hosts: [HOST] });
    await onHost(HOST, "until [ -e /tmp/begun ]; do sleep 0.1; done");
    const second = await runTasks("- shell: 'true'", { hosts: [HOST], override: { runId: "another" } });
    await onHost(HOST, "touch /tmp/go-on");
    expect((await first).finished.outcome).toBe("ok");
    expect(JSON.stringify(second.events)).toContain("another run is working on this host");
    expect(second.finished.outcome).toBe("failed");
  });
});
