import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runTasks } from "./converge.ts";
import { lab } from "./lab.ts";
import { labHost, onHost, onNewConnection } from "./lab-hosts.ts";
import { startPlumb } from "./plumb-process.ts";

/** Rules that let nobody connect any more take themselves back. */
const HOSTS = ["bookworm1", "trixie1"];
const GUARD = "/var/lib/plumb/firewall-guard";
const CONNECTION = { becomeMethod: "sudo", hostKeyPolicy: "strict", connectTimeoutMs: 3000 } as const;

const rules = (port: number, more = "", guardSeconds = 30): string =>
  `- nftables: {table: guarded, guard_seconds: ${guardSeconds}, allow_lockout: true, rules: [{name: one, ports: [${port}]}]${more}}`;
const run = (tasks: string, hosts = HOSTS) =>
  runTasks(tasks, { hosts, override: { connection: CONNECTION } });
const live = (host: string): Promise<string> =>
  onHost(
    host,
    "nft list table inet guarded 2>/dev/null | grep dport; cat /etc/nftables.d/guarded.nft 2>/dev/null | grep dport; ls -d /var/lib/plumb/firewall-guard 2>/dev/null; systemctl list-timers --all --no-legend 'plumb-firewall*'; true",
  );

afterAll(async () => {
  await runTasks("- nftables: {table: guarded, state: absent}", { hosts: HOSTS });
  for (const host of HOSTS)
    await onHost(
      host,
      "systemctl -q disable nftables; sed -i /nftables.d/d /etc/nftables.conf; dpkg --purge ufw >/dev/null 2>&1; true",
    );
});

describe("a change of the firewall", () => {
  test("that cuts new connections is taken back at once over the old one, and nothing is kept of it", async () => {
    const { tasks } = await run(rules(80));
    expect(tasks.map(({ status }) => status)).toEqual(["failed", "failed"]);
    expect(tasks[0]?.message).toMatch(/could not log in any more, and the old rules are back/);
    for (const host of HOSTS) expect(await live(host)).toBe("");
  });

  test("that lets them through stays, and leaves no timer", async () => {
    expect((await run(rules(22))).statuses).toEqual(["changed nftables", "changed nftables"]);
    for (const host of HOSTS) expect((await live(host)).match(/22/g)).toHaveLength(2);
    expect((await run(rules(22))).statuses).toEqual(["ok nftables", "ok nftables"]);
  });

  test("the old rules come back, not none", async () => {
    const before = await Promise.all(HOSTS.map(live));
    const { tasks } = await run(rules(81));
    expect(tasks.map(({ status }) => status)).toEqual(["failed", "failed"]);
    expect(await Promise.all(HOSTS.map(live))).toEqual(before);
    expect((await run(rules(22))).statuses).toEqual(["ok nftables", "ok nftables"]);
  });

  test("is taken back by the host itself when the controller dies before it has confirmed it", async () => {
    const host = "trixie1";
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-firewall-"));
    const { keyFile, knownHostsFile } = lab;
    await writeFile(
      path.join(folder, "hosts.ini"),
      `${host} ansible_host=${labHost(host).address} ansible_user=admin ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args="-o UserKnownHostsFile=${knownHostsFile}"\n`,
    );
    await writeFile(
      path.join(folder, "site.yml"),
      `- hosts: all\n  become: true\n  tasks:\n    ${rules(82, "", 10)}\n`,
    );
    const dying = startPlumb(["run", "site.yml", "-i", "hosts.ini", "--no-record"], {
      cwd: folder,
      hear: (event) => {
        if (event.type === "task-progress" && event.step === "connect anew") dying.child.kill("SIGKILL");
      },
    });
    await dying.ended;
    await expect(onNewConnection(host, "true", "root", 2)).rejects.toThrow();
    await expect.poll(() => onNewConnection(host, "true", "root", 2)).toBe("");
    await expect.poll(() => onHost(host, `ls -d ${GUARD} 2>/dev/null || echo gone`)).toBe("gone\n");
    await expect
      .poll(() =>
        onHost(
          host,
          "nft list table inet guarded | grep -c 'dport 22'; journalctl --sync; journalctl -q -t plumb -n 3 | grep -q 'not confirmed' && echo 1",
        ),
      )
      .toBe("1\n1\n");
    expect((await run(rules(22), [host])).statuses).toEqual(["ok nftables"]);
  });
});

describe("ufw", () => {
  beforeAll(async () => {
    await runTasks(
      "- nftables: {table: guarded, state: absent}\n- package: {name: ufw}\n- ufw: {rule: allow, port: 22, proto: tcp}\n- ufw: {state: enabled}",
      { hosts: HOSTS },
    );
  });

  const onBoth = (command: string): Promise<string[]> =>
    Promise.all(HOSTS.map((host) => onHost(host, command)));

  test("a rule that cuts new connections is taken back", async () => {
    const { tasks } = await run(
      "- ufw: {rule: allow, port: 22, proto: tcp, delete: true, guard_seconds: 30}",
    );
    expect(tasks.map(({ status }) => status)).toEqual(["failed", "failed"]);
    for (const { message } of tasks) expect(message).toContain("the old rules are back");
    expect(await onBoth("ufw status | grep -c '^22'")).toEqual(["2\n", "2\n"]);
  });

  test("rules come back with a rollback, live and in their files", async () => {
    const looks = "ufw status; cat /etc/ufw/user.rules /etc/ufw/user6.rules";
    const before = await onBoth(looks);
    const { statuses } = await run(
      "- ufw: {rule: allow, port: 23, proto: tcp}\n- ufw: {rule: deny, port: 25}",
    );
    expect(statuses).toEqual(Array(4).fill("changed ufw"));
    for (const [index, text] of (await onBoth(looks)).entries()) expect(text).not.toBe(before[index]);
    expect((await run("- rollback: {}")).statuses).toEqual(Array(2).fill("changed rollback"));
    expect(await onBoth(looks)).toEqual(before);
    await onBoth("ufw --force disable >/dev/null");
  });
});
