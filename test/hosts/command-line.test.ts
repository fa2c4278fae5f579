import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { lab } from "./lab.ts";
import { labHost, onHost, restartSshd } from "./lab-hosts.ts";
import { relayTo, throughRelay } from "./relay.ts";
import { typed } from "./typed.ts";

/** The command as a person runs it, from the sources. */
let folder = "";
let inventory = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-cli-"));
  inventory = path.join(folder, "hosts.ini");
  const { keyFile, knownHostsFile } = lab;
  const settings = `ansible_user=admin ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args="-o UserKnownHostsFile=${knownHostsFile}"`;
  await writeFile(
    inventory,
    `bookworm1 ansible_host=${labHost("bookworm1").address} ${settings}\ntrixie1 ansible_host=${labHost("trixie1").address} ${settings}\nnowhere ansible_host=127.0.0.1 ansible_port=1 ${settings}\n`,
  );
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(...args: string[]): { child: ChildProcess; said: () => string; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [PLUMB, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return {
    child,
    said: () => stdout,
    ended: new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr }))),
  };
}

const plumb = (...args: string[]): Promise<Ended> => start(...args).ended;

async function playbook(name: string, text: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

/** The inventory, with a ProxyCommand that leads to bookworm1. */
async function throughCommand(): Promise<string> {
  const { keyFile, knownHostsFile } = lab;
  const config = path.join(folder, "config");
  await writeFile(
    config,
    `Host bookworm1
  HostName ${labHost("bookworm1").address}
  User admin
  IdentityFile ${keyFile}
  UserKnownHostsFile ${knownHostsFile}
  ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p 4<&0; cat <&4 >&3 & exec cat <&3'
`,
  );
  const file = path.join(folder, "through-command.ini");
  await writeFile(file, `bookworm1 ansible_ssh_common_args="-F ${config}"\n`);
  return file;
}

describe("exit codes", () => {
  test("0 done, 3 check found something, 5 changed, 0 nothing to do", async () => {
    const file = await playbook(
      "codes.yml",
      "- hosts: bookworm1\n  become: true\n  tasks:\n    - copy: {content: x, dest: /srv/codes}\n",
    );
    await onHost("bookworm1", "rm -f /srv/codes");
    const codes = [];
    for (const options of [
      ["--check", "--detailed-exitcode"],
      ["--check"],
      ["--detailed-exitcode"],
      ["--detailed-exitcode"],
    ]) {
      codes.push((await plumb("run", file, "-i", inventory, ...options)).code);
    }
    expect(codes).toEqual([3, 0, 5, 0]);
  });

  test("0 when a task that is skipped is delegated to a host that can't be reached", async () => {
    const file = await playbook(
      "delegated.yml",
      `- hosts: bookworm1
  tasks:
    - {name: skipped, command: hostname, delegate_to: nowhere, when: false}
    - {name: each, command: hostname, delegate_to: "{{ item }}", when: item != 'nowhere', loop: [nowhere, trixie1]}
    - {name: connected, command: hostname, delegate_to: nowhere, when: defined(connect)}
`,
    );
    const { code, stdout } = await plumb("run", file, "-i", inventory, "--output", "json");
    const finished = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === "task-finished");
    expect(
      finished.map(({ task, status }) => [task.name, task.item?.label, status, task.delegatedTo]),
    ).toEqual([
      ["skipped", undefined, "skipped", "nowhere"],
      ["each", "nowhere", "skipped", "nowhere"],
      ["each", "trixie1", "changed", "trixie1"],
      ["connected", undefined, "skipped", "nowhere"],
    ]);
    expect(code).toBe(0);
    expect((await plumb("run", file, "-i", inventory, "-e", "connect=1")).code).toBe(4);
  });

  test("1 a host failed, 4 a host could not be reached, 2 wrong input", async () => {
    const failing = await playbook(
      "failing.yml",
      "- hosts: bookworm1\n  tasks:\n    - fail: {msg: on purpose}\n",
    );
    const unreachable = await playbook(
      "unreachable.yml",
      "- hosts: nowhere\n  tasks:\n    - debug: {msg: hi}\n",
    );
    const wrong = await playbook("wrong.yml", "- hosts: bookworm1\n  tasks:\n    - copi: {dest: /x}\n");
    expect((await plumb("run", failing, "-i", inventory)).code).toBe(1);
    expect((await plumb("run", unreachable, "-i", inventory)).code).toBe(4);
    const refused = await plumb("run", wrong, "-i", inventory);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/wrong\.yml:3:7: .*\n.*copi.*\n.*\^\^\^\^\n.*did you mean `copy`/);
    expect((await plumb("run", failing, "-i", inventory, "--outptu", "json")).code).toBe(2);
  });
});

describe("outputs", () => {
  test("json is one event a line, with a schema", async () => {
    const file = await playbook("json.yml", "- hosts: bookworm1:trixie1\n  tasks:\n    - debug: {msg: hi}\n");
    const { stdout } = await plumb("run", file, "-i", inventory, "--output", "json");
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; schema?: number });
    expect(events[0]).toMatchObject({ type: "run-started", schema: 1 });
    expect(events.at(-1)?.type).toBe("run-finished");
    expect(events.filter(({ type }) => type === "task-finished")).toHaveLength(2);
  });

  test("junit counts what check mode would change as failed", async () => {
    const file = await playbook(
      "junit.yml",
      "- hosts: bookworm1\n  become: true\n  tasks:\n    - copy: {content: '<&>', dest: /srv/junit}\n",
    );
    const { stdout } = await plumb("run", file, "-i", inventory, "--check", "--output", "junit");
    expect(stdout).toContain('<testsuite name="bookworm1" tests="1" failures="1">');
  });
});

describe("ad hoc", () => {
  test("a host is reached whose sshd has no cipher but chacha20-poly1305", async () => {
    const setting = "/etc/ssh/sshd_config.d/one-cipher.conf";
    await onHost("bookworm1", `echo Ciphers chacha20-poly1305@openssh.com > ${setting}; ${restartSshd}`);
    try {
      const { code, stdout } = await plumb("exec", "bookworm1", "-i", inventory, "--", "seq", "30000");
      const numbers = stdout.split("\n").filter((line) => /^\d+$/.test(line.trim()));
      expect([code, numbers.length, numbers.at(-1)?.trim()]).toEqual([0, 30_000, "30000"]);
    } finally {
      await onHost("bookworm1", `rm ${setting}; ${restartSshd}`);
    }
  });

  test("ping, facts and exec reach hosts without a playbook", async () => {
    expect((await plumb("ping", "bookworm1", "-i", inventory, "--become")).stdout).toContain("as root");
    const facts = JSON.parse((await plumb("facts", "bookworm1:trixie1", "-i", inventory)).stdout) as Record<
      string,
      { distribution_major_version: string; package_versions: Record<string, string> }
    >;
    expect([
      facts["bookworm1"]?.distribution_major_version,
      facts["trixie1"]?.distribution_major_version,
    ]).toEqual(["12", "13"]);
    expect(facts["trixie1"]?.package_versions["systemd"]).toMatch(/^257/);
    const exec = await plumb("exec", "bookworm1", "-i", inventory, "--", "echo", "a b", "$HOME");
    expect(exec.stdout).toContain("a b $HOME\n");
    expect((await plumb("exec", "bookworm1", "-i", inventory, "--", "exit 3")).code).toBe(1);
    const late = await plumb("exec", "bookworm1", "-i", inventory, "--time-limit", "1", "--", "sleep", "77");
    expect(late.code).toBe(1);
    expect(late.stdout).toContain("stopped after 1 s: its time limit");
    expect(
      (await plumb("exec", "bookworm1", "-i", inventory, "--", "pgrep -x sleep -a")).stdout,
    ).not.toContain("77");
  });
});

describe("Ctrl-C", () => {
  const slow =
    "- hosts: bookworm1\n  become: true\n  tasks:\n    - shell: until [ -e /srv/go-on ]; do sleep 0.1; done; touch /srv/first\n      args: {creates: /srv/first}\n    - copy: {content: x, dest: /srv/second}\n";

  test("once: the step under way is finished, the rest is left, and the next run does it", async () => {
    await onHost("bookworm1", "rm -f /srv/first /srv/second /srv/go-on");
    const file = await playbook("slow.yml", slow);
    const { child, said, ended } = start("run", file, "-i", await throughCommand(), "--output", "json");
    await expect.poll(said).toContain("task-started");
    // A terminal's Ctrl-C is for all its processes, and a ProxyCommand is one of them.
    process.kill(-(child.pid ?? 0), "SIGINT");
    await expect.poll(said).toContain('"stopping"');
    await onHost("bookworm1", "touch /srv/go-on");
    const { code, stdout } = await ended;
    expect(code).toBe(130);
    expect(stdout).toContain('"interrupted"');
    expect(await onHost("bookworm1", "cd /srv; ls first second 2>/dev/null || true")).toBe("first\n");
    expect((await plumb("run", file, "-i", inventory, "--detailed-exitcode")).code).toBe(5);
    expect(await onHost("bookworm1", "ls /srv/second")).toBe("/srv/second\n");
  });

  test("twice: it stops at once, and the next run finishes the job", async () => {
    await onHost("bookworm1", "rm -f /srv/first /srv/second /srv/go-on");
    const file = await playbook("slower.yml", slow.replace("until", "sleep 4324; until"));
    const { child, said, ended } = start("run", file, "-i", inventory, "--output", "json");
    await onHost("bookworm1", "until pgrep -f '^[s]leep 4324' >/dev/null; do sleep 0.1; done");
    child.kill("SIGINT");
    await expect.poll(said).toContain('"stopping"');
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    await expect.poll(() => onHost("bookworm1", "pgrep -f '[s]leep 4324' || true")).toBe("");
    await onHost("bookworm1", "touch /srv/go-on");
    expect((await plumb("run", await playbook("quick.yml", slow), "-i", inventory)).code).toBe(0);
  });

  test("once, while hosts hang that have no step under way: it ends at once, and they are interrupted, not failed", async () => {
    const { keyFile, knownHostsFile } = lab;
    // One that accepts and says nothing, one whose shell never answers, and one that falls silent between two tasks.
    const silent = net.createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    await onHost(
      "bookworm1",
      "printf '#!/bin/sh\\nexec sleep 4325\\n' > /srv/hang; chmod 755 /srv/hang; useradd -m -s /srv/hang hanger; cp -r /home/admin/.ssh /home/hanger; chown -R hanger: /home/hanger",
    );
    const relay = await relayTo(labHost("trixie1").address);
    const frozen = await throughRelay("trixie1", relay.port);
    const file = path.join(folder, "hanging.json");
    const common = {
      ansible_ssh_private_key_file: keyFile,
      ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHostsFile}`,
    };
    const hosts = {
      silent: { ansible_host: "127.0.0.1", ansible_port: (silent.address() as net.AddressInfo).port },
      hangs: { ansible_host: labHost("bookworm1").address, ansible_user: "hanger" },
      frozen: { ...frozen, ansible_user: "admin" },
    };
    await writeFile(file, JSON.stringify({ all: { vars: common, hosts } }));
    const looks = ["a", "b", "c", "d"].map((name) => `    - stat: {path: /srv/${name}}\n`).join("");
    const play = await playbook(
      "hanging.yml",
      `- hosts: all\n  strategy: free\n  tasks:\n    - command: "true"\n    - pause: {seconds: 1}\n${looks}`,
    );
    try {
      const { child, said, ended } = start("run", play, "-i", file, "--timeout", "60", "--output", "json");
      await expect.poll(said).toMatch(/"task-started".*"pause"/);
      relay.silence();
      await expect.poll(said).toMatch(/"task-finished".*"pause"/);
      await setTimeout(300);
      const stopped = performance.now();
      child.kill("SIGTERM");
      const { code, stdout } = await ended;
      // Each would go on for a minute or two.
      expect(performance.now() - stopped).toBeLessThan(20_000);
      expect(code).toBe(130);
      const finished = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
      expect(
        finished.hosts.map(({ host, outcome }: { host: string; outcome: string }) => `${host} ${outcome}`),
      ).toEqual(["silent interrupted", "hangs interrupted", "frozen interrupted"]);
    } finally {
      relay.cut();
      silent.close();
      await onHost(
        "bookworm1",
        "pkill -KILL -u hanger || true; userdel -rf hanger 2>/dev/null; rm /srv/hang",
      );
    }
  });
});

describe("--step at a terminal", () => {
  test("a task runs for yes, is left out for no, and nothing more is asked after continue", async () => {
    const task = (name: string): string => `    - {name: ${name}, command: "true"}\n`;
    const file = await playbook(
      "step.yml",
      `- hosts: bookworm1,trixie1\n  tasks:\n${["one", "two", "three", "four"].map(task).join("")}`,
    );
    const command = `${process.execPath} ${PLUMB} run ${file} -i ${inventory} --step --output json --no-record`;
    const { said } = await typed(command, ["y", "n", "c"]);
    expect(said.match(/Run \w+\? \(n\)o, \(y\)es, \(c\)ontinue/g)).toHaveLength(3);
    const finished = [...said.matchAll(/"type":"task-finished".*?"name":"(\w+)"/g)].map(([, name]) => name);
    expect(finished.sort()).toEqual(["four", "four", "one", "one", "three", "three"]);
  });
});
