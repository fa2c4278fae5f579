import { execFile, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, inject, test } from "vitest";
import { OPERATOR_PASSWORD } from "../../src/lab/image.ts";
import { PLUMB } from "../built-plumb.ts";
import { runPlaybook, runTasks } from "./converge.ts";
import { labHost, onHost } from "./lab-hosts.ts";
import { relayTo, throughRelay } from "./relay.ts";

const execute = promisify(execFile);
const HOST = "bookworm1";
const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), "plumb-test-"));
const unreachableCode = (events: readonly { type: string }[]): unknown =>
  events.find(
    (event): event is { type: "host-unreachable"; code: string } => event.type === "host-unreachable",
  )?.code;

describe("connecting", () => {
  test("a host that nothing listens on is unreachable", async () => {
    const { finished, events } = await runTasks("- debug: {msg: here}", {
      hosts: [HOST],
      variables: { ansible_port: "1" },
    });
    expect(finished.outcome).toBe("unreachable");
    expect(unreachableCode(events)).toBe("unreachable");
  });

  test("a changed host key stops everything, and the message names the line that says otherwise", async () => {
    const folder = await newFolder();
    const known = path.join(folder, "known_hosts");
    const other = (await readFile(inject("lab").knownHostsFile, "utf8"))
      .split("\n")
      .find((line) => line.includes("trixie1"));
    await writeFile(known, `${labHost(HOST).address} ${other?.split(" ").slice(1).join(" ") ?? ""}\n`);
    const { events } = await runTasks("- debug: {msg: here}", {
      hosts: [HOST],
      variables: { ansible_ssh_common_args: `-o UserKnownHostsFile=${known}` },
    });
    expect(unreachableCode(events)).toBe("host-key-changed");
    expect(JSON.stringify(events)).toContain(`${known}:1`);
  });

  test("an unknown host key is refused, and accept-new remembers it", async () => {
    const folder = await newFolder();
    const known = path.join(folder, "known_hosts");
    const strict = { ansible_ssh_common_args: `-o UserKnownHostsFile=${known}` };
    const refused = await runTasks("- debug: {msg: here}", { hosts: [HOST], variables: strict });
    expect(unreachableCode(refused.events)).toBe("host-key-unknown");
    const accepting = { ...strict, ansible_host_key_checking: "accept-new" };
    const accepted = await runTasks("- debug: {msg: here}", { hosts: [HOST], variables: accepting });
    expect(accepted.finished.outcome).toBe("ok");
    expect(await readFile(known, "utf8")).toContain("ssh-ed25519");
    const again = await runTasks("- debug: {msg: here}", { hosts: [HOST], variables: strict });
    expect(again.finished.outcome).toBe("ok");
  });

  test("sudo with a password works, and a wrong or missing one is told apart", async () => {
    const tasks = "- command: id -un\n  register: who\n- assert: {that: who.stdout == 'root'}";
    const right = await runTasks(tasks, {
      hosts: [HOST],
      user: "operator",
      variables: { ansible_become_password: JSON.stringify(OPERATOR_PASSWORD) },
    });
    expect(right.finished.outcome).toBe("ok");
    const wrong = await runTasks(tasks, {
      hosts: [HOST],
      user: "operator",
      variables: { ansible_become_password: "wrong" },
    });
    expect(unreachableCode(wrong.events)).toBe("become-password-wrong");
    const missing = await runTasks(tasks, { hosts: [HOST], user: "operator" });
    expect(unreachableCode(missing.events)).toBe("become-password-required");
  });

  test("su works with its password", async () => {
    const variables = {
      ansible_become_method: "su",
      ansible_become_password: JSON.stringify(OPERATOR_PASSWORD),
    };
    const { finished } = await runTasks(
      "- command: id -un\n  register: who\n- assert: {that: who.stdout == 'root'}",
      {
        hosts: [HOST],
        variables,
        override: {
          connection: { becomeMethod: "su", hostKeyPolicy: "strict", connectTimeoutMs: 10_000 },
          defaultUser: { become: true, becomeUser: "root", becomeMethod: "su" },
        },
      },
    );
    expect(finished.outcome).toBe("ok");
  });

  test("where sshd allows one session, everything goes through one", async () => {
    const sshd = "/etc/ssh/sshd_config.d/one-session.conf";
    await onHost(HOST, `echo MaxSessions 1 > ${sshd}; systemctl reload ssh`);
    try {
      const { finished, statuses } = await runTasks(
        "- file: {path: /srv, state: directory}\n- systemd: {name: ssh, state: started}\n- package: {name: sudo}\n- getent: {database: passwd, key: root}",
        { hosts: [HOST], user: "root" },
      );
      expect([finished.outcome, statuses.length]).toEqual(["ok", 4]);
    } finally {
      await onHost(HOST, `rm ${sshd}; systemctl reload ssh`);
    }
  });

  test("a jump host leads to a host behind it", async () => {
    const { keyFile, knownHostsFile } = inject("lab");
    const folder = await newFolder();
    const config = path.join(folder, "config");
    await writeFile(config, "");
    const relayed = await runTasks(
      "- command: hostname\n  register: name\n- assert: {that: name.stdout == 'bookworm1'}",
      {
        hosts: [HOST],
        variables: {
          ansible_ssh_common_args: JSON.stringify(
            `-o UserKnownHostsFile=${knownHostsFile} -J admin@${labHost("trixie1").address}`,
          ),
          ansible_ssh_private_key_file: keyFile,
        },
      },
    );
    expect(relayed.finished.outcome).toBe("ok");
  });
});

describe("as ssh does it", () => {
  test("a configuration file says where and who, through a jump host, and the agent has the key", async () => {
    const { keyFile, knownHostsFile } = inject("lab");
    const folder = await newFolder();
    const socket = path.join(folder, "agent");
    const config = path.join(folder, "config");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    try {
      for (let tries = 0; tries < 50 && !(await stat(socket).catch(() => undefined)); tries++) await wait(50);
      await execute("ssh-add", ["-q", keyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      await writeFile(
        config,
        `Host ${labHost(HOST).address}
  User operator
  ProxyJump hop
Host hop
  HostName ${labHost("trixie1").address}
  User admin
Host *
  UserKnownHostsFile ${knownHostsFile}
  IdentityAgent ${socket}
`,
      );
      const { finished, tasks } = await runPlaybook(
        "- hosts: all\n  tasks:\n    - command: id -un\n      register: who\n    - assert: {that: who.stdout == 'operator'}",
        {
          hosts: [HOST],
          variables: {
            ansible_user: undefined,
            ansible_ssh_private_key_file: undefined,
            ansible_ssh_common_args: `"-F ${config}"`,
          },
        },
      );
      expect(tasks.filter(({ status }) => status === "failed")).toEqual([]);
      expect(finished.outcome).toBe("ok");
    } finally {
      agent.kill();
    }
  });
});

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
    const first = await runTasks(tasks, { hosts: [HOST] }, folder);
    expect(first.statuses).toEqual(["changed copy"]);
    expect((await onHost(HOST, "sha256sum /srv/binary")).slice(0, 64)).toBe(
      createHash("sha256").update(bytes).digest("hex"),
    );
    expect((await runTasks(tasks, { hosts: [HOST] }, folder)).statuses).toEqual(["ok copy"]);
    expect(await onHost(HOST, "find /var/lib/plumb /home/admin -name 'upload.*'; rm /srv/binary")).toBe("");
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

describe("an interrupted run", () => {
  test("a connection that is cut in the middle of a step makes the host unreachable, and the next run finishes", async () => {
    const { port, cut } = await relayTo(labHost(HOST).address);
    const tasks = "- shell: sleep 3; echo done > /srv/cut\n  args: {creates: /srv/cut}";
    const running = runTasks(tasks, { hosts: [HOST], variables: await throughRelay(HOST, port) });
    await wait(1500);
    cut();
    const broken = await running;
    expect(broken.finished.outcome).toBe("unreachable");
    // The host finishes the script that was under way; a run that comes too early is told that the host is locked.
    await wait(4000);
    const next = await runTasks(tasks, { hosts: [HOST] });
    expect(next.finished.outcome).toBe("ok");
    expect(await onHost(HOST, "cat /srv/cut; rm /srv/cut")).toBe("done\n");
  });

  test("a link that has gone silent is found out, and the host is unreachable", async () => {
    const { port, cut, silence } = await relayTo(labHost(HOST).address);
    const variables = await throughRelay(HOST, port, "-o ServerAliveInterval=1 -o ServerAliveCountMax=2");
    const running = runTasks("- shell: sleep 60", { hosts: [HOST], variables });
    await wait(1500);
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
      "- hosts: all\n  become: true\n  tasks:\n    - copy: {content: x, dest: /srv/notifies}\n      notify: tell\n    - shell: touch /srv/reached; sleep 30\n      when: slow\n  handlers:\n    - name: tell\n      shell: echo ran >> /srv/handled\n",
    );
    const { keyFile, knownHostsFile } = inject("lab");
    await writeFile(
      path.join(folder, "hosts.ini"),
      `${HOST} ansible_host=${labHost(HOST).address} ansible_user=admin ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args="-o UserKnownHostsFile=${knownHostsFile}"\n`,
    );
    await onHost(HOST, "rm -f /srv/notifies /srv/reached /srv/handled");
    const args = [PLUMB, "run", playbook, "-i", path.join(folder, "hosts.ini")];
    const killed = spawn(process.execPath, [...args, "-e", '{"slow": true}'], { stdio: "ignore" });
    for (let tries = 0; tries < 100 && (await onHost(HOST, "ls /srv")).includes("reached") === false; tries++)
      await wait(100);
    killed.kill("SIGKILL");
    await onHost(HOST, "pkill -f '[s]leep 30'; true");
    await wait(1000);
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

describe("the language", () => {
  test("rescue takes over, always runs, and until repeats", async () => {
    const { statuses } = await runTasks(
      `- block:
    - fail: {msg: broken}
  rescue:
    - debug: {msg: rescued}
  always:
    - debug: {msg: always}
- shell: echo x >> /tmp/tries; wc -l < /tmp/tries
  register: tries
  until: to_int(tries.stdout) >= 3
  retries: 5
  delay: 0
- command: rm /tmp/tries
- debug: {msg: "{{ item }}"}
  loop: [a, b]
  when: item != "a"
- set_fact: {number: !expr 1 + 1}
- assert: {that: [number == 2, 'tries.attempts == 3']}
- copy: {content: x, dest: /srv/h}
  notify: say
- meta: flush_handlers
- file: {path: /srv/h, state: absent}`,
      { hosts: [HOST], handlers: "- name: say\n  debug: {msg: handled}" },
    );
    expect(statuses).toEqual([
      "rescued fail",
      "ok debug",
      "ok debug",
      "changed shell",
      "changed command",
      "skipped debug",
      "ok debug",
      "ok set_fact",
      "ok assert",
      "changed copy",
      "ok debug",
      "changed file",
    ]);
  });

  test("run_once runs on one host, and all have its result; delegate_to acts on another", async () => {
    const { tasks, finished } = await runTasks(
      `- command: hostname
  run_once: true
  register: name
- assert: {that: length(name.stdout) > 0}
- command: hostname
  delegate_to: trixie1
  register: there
- assert: {that: there.stdout == 'trixie1'}`,
      { hosts: [HOST, "trixie1"] },
    );
    expect(finished.outcome).toBe("ok");
    expect(tasks.filter(({ task }) => task.module === "command")).toHaveLength(3);
  });

  test("unchanged tasks cost no round trips, however many they are", async () => {
    const many = Array.from(
      { length: 100 },
      (_, index) => `- file: {path: /srv/many${index}, state: absent}`,
    ).join("\n");
    const one = await runTasks("- file: {path: /srv/many0, state: absent}", { hosts: [HOST] });
    const hundred = await runTasks(many, { hosts: [HOST] });
    expect(hundred.tasks).toHaveLength(100);
    expect(hundred.finished.hosts[0]?.counters?.roundTrips).toBe(one.finished.hosts[0]?.counters?.roundTrips);
  });

  test("a secret is shown nowhere", async () => {
    const secret = "correct horse battery staple";
    const { events } = await runTasks(
      `- user: {name: keeper, password: "${secret}"}\n- copy: {content: "has ${secret}", dest: /srv/secret}\n- command: cat /srv/secret\n- user: {name: keeper, state: absent}`,
      {
        hosts: [HOST],
        diff: true,
      },
    );
    expect(JSON.stringify(events)).not.toContain(secret);
  });
});
