import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { OPERATOR_PASSWORD } from "../../src/lab/image.ts";
import { PLUMB } from "../built-plumb.ts";
import { runPlaybook, runTasks } from "./converge.ts";
import { lab } from "./lab.ts";
import { labHost, onHost, restartSshd } from "./lab-hosts.ts";
import { throughRelay } from "./relay.ts";

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

  test("a connection that sshd turns away before the handshake is tried again, a few times", async () => {
    const { address } = labHost(HOST);
    let turnedAway = 0;
    const door = (most: number): net.Server =>
      net.createServer((client) => {
        client.on("error", () => client.destroy());
        if (turnedAway < most) {
          turnedAway += 1;
          client.destroy();
          return;
        }
        const upstream = net.connect({ host: address, port: 22 });
        upstream.on("error", () => client.destroy());
        client.pipe(upstream).pipe(client);
      });
    const through = async (most: number): Promise<{ outcome: string; times: number; told?: number }> => {
      turnedAway = 0;
      const server = door(most).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as net.AddressInfo;
      const variables = await throughRelay(HOST, port);
      const { finished, events } = await runTasks("- debug: {msg: here}", { hosts: [HOST], variables });
      server.close();
      const connected = events.find(({ type }) => type === "host-connected");
      const told = connected?.type === "host-connected" ? connected.tries : undefined;
      return { outcome: finished.outcome, times: turnedAway, ...(told === undefined ? {} : { told }) };
    };
    expect(await through(2)).toEqual({ outcome: "ok", times: 2, told: 3 });
    expect(await through(99)).toEqual({ outcome: "unreachable", times: 4 });
  });

  test("a changed host key stops everything, and the message names the line that says otherwise", async () => {
    const folder = await newFolder();
    const known = path.join(folder, "known_hosts");
    const other = (await readFile(lab.knownHostsFile, "utf8"))
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

  test("ansible_become_flags and become_flags reach sudo and su, with a password and without, and one that Plumb does not know touches no host", async () => {
    const as = (flags: string, more: Record<string, string>, user: string, tasks: string) =>
      runTasks(tasks, { hosts: [HOST], user, variables: { ansible_become_flags: flags, ...more } });
    const group = (wanted: string): string =>
      `- command: id -gn\n  register: who\n- assert: {that: who.stdout == '${wanted}'}`;
    const password = { ansible_become_password: JSON.stringify(OPERATOR_PASSWORD) };
    const su = { ansible_become_method: "su" };
    for (const [flags, more, user, tasks] of [
      ["-H -S -n", {}, "admin", group("root")],
      ["'-H -g adm'", {}, "admin", group("adm")],
      ["'-S -g adm'", password, "operator", group("adm")],
      ["'-g adm'", { ...su, ansible_become_user: "operator" }, "root", group("adm")],
    ] as const) {
      const { finished } = await as(flags, more, user, tasks);
      expect([flags, user, finished.outcome]).toEqual([flags, user, "ok"]);
    }
    await expect(as("-A", {}, "admin", group("root"))).rejects.toThrow(/-A/);
    // The keyword holds for what it stands at, and gives way to the variable.
    const keyword = `- command: id -gn\n  become_flags: "-g {{ team }}"\n  vars: {team: adm}\n  register: who\n- command: id -gn\n  register: then\n- assert: {that: "[who.stdout, then.stdout] == WANTED"}`;
    for (const [flags, wanted] of [
      [undefined, "['adm', 'root']"],
      ["'-g daemon'", "['daemon', 'daemon']"],
    ] as const) {
      const { finished } = await runTasks(keyword.replace("WANTED", wanted), {
        hosts: [HOST],
        user: "admin",
        variables: { ansible_become_flags: flags },
      });
      expect([flags, finished.outcome]).toEqual([flags, "ok"]);
    }
    const flags = (text: string) =>
      runTasks(`- command: 'true'\n  become_flags: ${text}\n  vars: {flag: -A}`, {
        hosts: [HOST],
        user: "admin",
      });
    await expect(flags("-A")).rejects.toThrow("the option `-A` of sudo");
    await expect(flags('"{{ flag }}"')).resolves.toMatchObject({ finished: { outcome: "failed" } });
  });

  test("ansible_become_exe and become_exe run another program in place of sudo, and one that is not there is told of", async () => {
    const program = "/srv/other-sudo";
    const log = "/tmp/other-sudo-ran";
    await onHost(
      HOST,
      `printf '#!/bin/sh\\necho ran >> ${log}; exec sudo "$@"\\n' > ${program}; chmod 755 ${program}; rm -f ${log}`,
    );
    const who = "- command: id -un\n  register: who\n- assert: {that: who.stdout == 'root'}";
    const by = (variables: Record<string, string>, tasks: string) =>
      runTasks(tasks, { hosts: [HOST], user: "admin", variables });
    const variable = await by({ ansible_become_exe: program }, who);
    expect(variable.finished.outcome).toBe("ok");
    const ran = await onHost(HOST, `wc -l < ${log}; rm -f ${log}`);
    expect(Number(ran)).toBeGreaterThan(0);
    const keyword = await by({}, who.replace("id -un", `id -un\n  become_exe: ${program}`));
    expect(keyword.finished.outcome).toBe("ok");
    expect(await onHost(HOST, `wc -l < ${log}; rm -f ${log} ${program}`)).not.toBe("0\n");
    const gone = await by({ ansible_become_exe: program }, who);
    expect(unreachableCode(gone.events)).toBe("become-failed");
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

  test("a key at hand signs at once, and sshd is not asked to prove keys that nobody takes", async () => {
    // It serves one connection, and tells what it was asked.
    const start =
      "rm -f /run/one.log; systemd-run --quiet --collect /usr/sbin/sshd -ddd -p 2222 -E /run/one.log";
    await onHost(HOST, `${start}; until grep -q listening /run/one.log; do sleep 0.1; done`);
    const { finished } = await runTasks("- debug: {msg: here}\n- command: {argv: ['true']}", {
      hosts: [HOST],
      variables: {
        ansible_port: "2222",
        ansible_ssh_common_args: `-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=${path.join(await newFolder(), "known_hosts")}`,
      },
    });
    const log = await onHost(HOST, "cat /run/one.log");
    expect({
      outcome: finished.outcome,
      hostKeysAnnounced: log.includes("notify_hostkeys: sent"),
      hostKeysProved: log.includes("hostkeys-prove"),
      asksWithoutSignature: log.includes("test pkalg"),
      attempts: log.match(/userauth-request for user \S+ service \S+ method publickey/g)?.length,
    }).toEqual({
      outcome: "ok",
      hostKeysAnnounced: true,
      hostKeysProved: false,
      asksWithoutSignature: false,
      attempts: 1,
    });
  });

  test("where sshd allows one session, everything goes through one", async () => {
    const sshd = "/etc/ssh/sshd_config.d/one-session.conf";
    await onHost(HOST, `echo MaxSessions 1 > ${sshd}; ${restartSshd}`);
    try {
      const { finished, statuses } = await runTasks(
        "- file: {path: /srv, state: directory}\n- systemd: {name: ssh, state: started}\n- package: {name: sudo}\n- getent: {database: passwd, key: root}",
        { hosts: [HOST], user: "root" },
      );
      expect([finished.outcome, statuses.length]).toEqual(["ok", 4]);
    } finally {
      await onHost(HOST, `rm ${sshd}; ${restartSshd}`);
    }
  });

  test("a jump host leads to a host behind it", async () => {
    const { keyFile, knownHostsFile } = lab;
    const folder = await newFolder();
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
    // A process ends only when the connection to the jump host has been closed, too.
    const jump = `-o UserKnownHostsFile=${knownHostsFile} -J admin@${labHost("trixie1").address}`;
    const behind = `behind ansible_host=${labHost(HOST).address} ansible_user=admin ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args='${jump}'\n`;
    await writeFile(
      path.join(folder, "hosts.ini"),
      `${behind}${behind.replace("behind ", "closed ansible_port=1 ")}`,
    );
    const ping = (limit: string): Promise<unknown> =>
      execute(process.execPath, [PLUMB, "ping", limit, "-i", "hosts.ini"], {
        cwd: folder,
        timeout: 60_000,
        killSignal: "SIGKILL",
      }).catch((error: unknown) => error);
    expect(await ping("behind")).toMatchObject({ stdout: expect.stringContaining("reached") });
    // What the jump host can't reach is one host's misfortune.
    expect(await ping("all")).toMatchObject({
      code: 4,
      stdout: expect.stringMatching(/behind +reached[\s\S]*closed +unreachable .*through the jump host/),
    });
    // A command leads there too, in each of the forms that inventories of Ansible have.
    const command = `ssh -o UserKnownHostsFile=${knownHostsFile} -i ${keyFile} -W %h:%p -q admin@${labHost("trixie1").address}`;
    const forms = [
      `ansible_ssh_common_args='-o UserKnownHostsFile=${knownHostsFile} -o ProxyCommand="${command}"'`,
      `ansible_ssh_extra_args="-o UserKnownHostsFile=${knownHostsFile} -o 'ProxyCommand=${command}'"`,
    ];
    const commands = forms.map(
      (form, index) =>
        `command${index} ansible_host=${labHost(HOST).address} ansible_user=admin ansible_ssh_private_key_file=${keyFile} ${form}\n`,
    );
    await writeFile(path.join(folder, "hosts.ini"), `${behind}${commands.join("")}`);
    expect(await ping("all")).toMatchObject({
      stdout: expect.stringMatching(/behind +reached[\s\S]*command0 +reached[\s\S]*command1 +reached/),
    });
  });
});

describe("as ssh does it", () => {
  test("a configuration file says where and who, through a jump host, and the agent has the key", async () => {
    const { keyFile, knownHostsFile } = lab;
    const folder = await newFolder();
    const socket = path.join(folder, "agent");
    const config = path.join(folder, "config");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    try {
      await expect.poll(() => existsSync(socket)).toBe(true);
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
