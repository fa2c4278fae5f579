import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Converged } from "./converge.ts";
import { runTasks } from "./converge.ts";
import { folderWithHosts, onHost } from "./lab-hosts.ts";
import { startPlumb } from "./plumb-process.ts";

/** What runs replace is put back, on both releases, as a person with a shell sees it. */
const HOSTS = ["bookworm1", "trixie1"];

let runs = 0;
const nextRun = (): string => `undo-${String(++runs).padStart(3, "0")}`;

async function apply(
  tasks: string,
  options: { check?: boolean; diff?: boolean; hosts?: string[]; user?: string; folder?: string } = {},
): Promise<Converged & { run: string }> {
  const run = nextRun();
  const { folder, ...rest } = options;
  const converged = await runTasks(tasks, { hosts: HOSTS, ...rest, override: { runId: run } }, folder);
  return { ...converged, run };
}

const rollback = (run: string | undefined, options: Parameters<typeof apply>[1] = {}) =>
  apply(run === undefined ? "- rollback:" : `- rollback: {run: "${run}"}`, options);

/** What the tests below change, as the system's own tools show it. */
const LOOK = `cd /etc; for one in undo.conf undo.secret undo.d undo.d/made undo.link undo-tree undo-tree/sub/file systemd/system/undo.service nftables.d/undo.nft; do
  stat -c '%n %F %a %U:%G' "$one" 2>/dev/null || echo "$one -"; done
cat undo.conf undo.secret undo-tree/sub/file 2>/dev/null; readlink undo.link
systemctl is-active undo undo-old; systemctl is-enabled undo undo-old; dpkg-query -W -f '\${Status}\\n' tree 2>/dev/null; getent passwd undo; id undo; getent shadow undo-system; getent group undoers; readlink -f /etc/localtime; hostname; cat /etc/hostname; nft list tables; cat /proc/sys/net/ipv4/conf/lo/accept_source_route`;

const TASKS = `
- copy: {dest: /etc/undo.conf, content: "after\\n", mode: "0640", group: adm}
- copy: {dest: /etc/undo.secret, content: "new password\\n"}
- file: {path: /etc/undo.d, state: directory, mode: "0750"}
- copy: {dest: /etc/undo.d/made, content: "made\\n"}
- file: {path: /etc/undo-tree, state: absent}
- file: {path: /etc/undo.link, src: /etc/issue, state: link}
- systemd_unit: {name: undo, unit: {Description: u}, service: {ExecStart: /usr/bin/sleep infinity}, install: {WantedBy: multi-user.target}}
- systemd: {name: undo, state: started, enabled: true}
- systemd: {name: undo-old, state: stopped, enabled: false}
- package: {name: tree}
- user: {name: undo, shell: /bin/sh}
- user: {name: undo-system, state: absent}
- group: {name: undoers}
- timezone: {name: Pacific/Auckland}
- hostname: {name: undone}
- sysctl: {name: net.ipv4.conf.lo.accept_source_route, value: "1"}
- nftables: {table: undo, policy: accept, rules: [{name: ssh, ports: [22]}]}`;

const look = (host: string): Promise<string> => onHost(host, `( ${LOOK} ) 2>/dev/null; true`);

beforeAll(async () => {
  for (const host of HOSTS) {
    await onHost(
      host,
      `rm -rf /var/lib/plumb/undo; useradd --system undo-system; printf '[Service]\\nExecStart=/usr/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/undo-old.service; systemctl daemon-reload; systemctl -q enable --now undo-old; cd /etc; echo before > undo.conf; chmod 604 undo.conf; chown man:games undo.conf
echo old password > undo.secret; chmod 600 undo.secret; mkdir -p undo-tree/sub; echo kept > undo-tree/sub/file; chmod 700 undo-tree; ln -sfn /etc/hostname undo.link`,
    );
  }
}, 120_000);

afterAll(async () => {
  for (const host of HOSTS)
    await onHost(
      host,
      "rm -rf /etc/undo.conf /etc/undo.secret /etc/undo-tree /etc/undo.link /etc/undo.d /var/lib/plumb/undo /var/lib/plumb/made /home/undo; userdel undo-system; systemctl -q disable --now undo-old; rm -f /etc/systemd/system/undo-old.service; systemctl daemon-reload",
    );
});

describe("rollback", () => {
  const before = new Map<string, string>();
  const after = new Map<string, string>();
  let changed = "";
  let undone = "";

  test("a run keeps what it replaces, and a run that changes nothing keeps nothing", async () => {
    for (const host of HOSTS) before.set(host, await look(host));
    const first = await apply(TASKS);
    changed = first.run;
    expect(first.finished.outcome).toBe("ok");
    for (const host of HOSTS) after.set(host, await look(host));
    // What only looks, by the word of whoever wrote it, is nothing to be undone.
    const second = await apply(`${TASKS}\n- {command: "true", changed_when: false}`);
    expect(second.statuses.filter((status) => !status.startsWith("ok"))).toEqual([]);
    for (const host of HOSTS) {
      expect(await onHost(host, "cat /var/lib/plumb/undo/runs; ls /var/lib/plumb/undo")).toBe(
        `${changed}\nruns\n${changed}\n`,
      );
      expect(await onHost(host, `stat -c %a:%U /var/lib/plumb /var/lib/plumb/undo/${changed}`)).toBe(
        "700:root\n700:root\n",
      );
    }
  }, 120_000);

  test("check mode says what would be put back, and shows nothing that only some may read", async () => {
    const { tasks, events } = await rollback(changed, { check: true, diff: true });
    expect(tasks.map(({ status }) => status)).toEqual(["would-change", "would-change"]);
    const names = tasks[0]?.differences.map(({ name }) => name) ?? [];
    expect(names).toEqual(
      expect.arrayContaining(["/etc/undo.conf", "/etc/undo-tree", "unit undo-old.service", "packages"]),
    );
    expect(JSON.stringify(events)).not.toContain("password\\n");
    for (const host of HOSTS) expect(await look(host)).toBe(after.get(host));
  });

  test("everything is as before: contents, owners, modes, absence, units, packages, users, rules, settings of the kernel", async () => {
    const { finished, run, tasks, events } = await rollback(undefined);
    undone = run;
    expect(finished.outcome).toBe("ok");
    expect(tasks[0]?.data?.["run"]).toBe(changed);
    for (const host of HOSTS) expect(await look(host)).toBe(before.get(host));
    const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
    for (const said of ["the home directory of undo stays", "leaves behind stays: its configuration"])
      expect(warnings.filter((text) => text.includes(said))).toHaveLength(2);
  }, 120_000);

  test("undoing it a second time changes nothing", async () => {
    expect((await rollback(changed)).statuses).toEqual(["ok rollback", "ok rollback"]);
  });

  test("an undoing can be undone", async () => {
    const { finished } = await rollback(undone);
    expect(finished.outcome).toBe("ok");
    for (const host of HOSTS) expect(await look(host)).toBe(after.get(host));
    expect((await rollback(changed)).finished.outcome).toBe("ok");
    for (const host of HOSTS) expect(await look(host)).toBe(before.get(host));
  }, 120_000);

  test("one that failed half way goes on when it is run again, and does not begin another", async () => {
    const { run } = await apply(
      `- copy: {dest: /etc/undo.conf, content: "x\\n"}\n- copy: {dest: /etc/undo.d2.conf, content: "x\\n"}`,
      { hosts: ["bookworm1"] },
    );
    await onHost(
      "bookworm1",
      "chattr +i /etc/undo.conf 2>/dev/null || mount --bind /etc/undo.conf /etc/undo.conf",
    );
    const { tasks } = await rollback(undefined, { hosts: ["bookworm1"] });
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toContain("/etc/undo.conf");
    expect(await onHost("bookworm1", "ls /etc/undo.d2.conf 2>&1 | grep -c 'No such'")).toBe("1\n");
    await onHost("bookworm1", "chattr -i /etc/undo.conf 2>/dev/null || umount /etc/undo.conf");
    const again = await rollback(undefined, { hosts: ["bookworm1"] });
    expect(again.tasks[0]).toMatchObject({ status: "changed", data: { run } });
    expect(await onHost("bookworm1", "cat /etc/undo.conf")).toBe("before\n");
  });

  test("it says what it can't undo, and what is not kept", async () => {
    const { run } = await apply("- command: 'true'", { hosts: ["bookworm1"] });
    const { tasks, events } = await rollback(run, { hosts: ["bookworm1"] });
    expect(tasks[0]).toMatchObject({ status: "ok", data: { cannot: ["command: run true (command)"] } });
    expect(events.filter(({ type }) => type === "warning")).toHaveLength(1);
    const missing = await rollback("undo-999", { hosts: ["bookworm1"] });
    expect(missing.tasks[0]?.status).toBe("failed");
    expect(missing.tasks[0]?.hint).toContain(run);
  });

  test("of ten runs and more, the ten last are kept", async () => {
    for (let index = 0; index < 11; index++)
      await apply(`- copy: {dest: /etc/undo.conf, content: "${index}\\n"}`, { hosts: ["bookworm1"] });
    const kept = (await onHost("bookworm1", "cat /var/lib/plumb/undo/runs")).trim().split("\n");
    expect(kept).toHaveLength(10);
    expect((await onHost("bookworm1", "ls /var/lib/plumb/undo")).trim().split("\n")).toEqual([
      "runs",
      ...kept,
    ]);
    await rollback(kept[0], { hosts: ["bookworm1"] });
    expect(await onHost("bookworm1", "cat /etc/undo.conf")).toBe("0\n");
  }, 60_000);

  test("what cannot be kept for want of room is not replaced", async () => {
    await onHost(
      "bookworm1",
      "mkdir -p /var/lib/plumb/undo; mount -t tmpfs -o size=16k none /var/lib/plumb/undo; head -c 100000 /dev/zero > /etc/undo.big",
    );
    try {
      const { tasks } = await apply(`- copy: {dest: /etc/undo.big, content: "small\\n"}`, {
        hosts: ["bookworm1"],
      });
      expect(tasks[0]?.status).toBe("failed");
      expect(tasks[0]?.message).toMatch(/nothing was changed.*No space left/);
      expect(
        await onHost("bookworm1", "stat -c %s /etc/undo.big; ls -A /etc | grep -c plumb-write; true"),
      ).toBe("100000\n0\n");
    } finally {
      await onHost("bookworm1", "umount /var/lib/plumb/undo; rm -f /etc/undo.big");
    }
  });

  test("what a user without root replaced is that user's to put back", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-undo-"));
    await onHost("bookworm1", "echo mine > /home/admin/undo; chown admin: /home/admin/undo");
    const task = `- copy: {dest: /home/admin/undo, content: "other\\n"}\n  become: false`;
    const { run } = await apply(task, { hosts: ["bookworm1"], folder });
    expect(await onHost("bookworm1", `stat -c %a:%U /home/admin/.local/state/plumb/undo/${run}`)).toBe(
      "700:admin\n",
    );
    await apply(`- rollback: {run: "${run}"}\n  become: false`, { hosts: ["bookworm1"] });
    expect(
      await onHost(
        "bookworm1",
        "cat /home/admin/undo; rm -rf /home/admin/undo /home/admin/.local/state/plumb",
      ),
    ).toBe("mine\n");
    expect(await readFile(path.join(folder, "play.yml"), "utf8")).toContain("become: false");
  });

  test("a user who can't write to its home keeps it in /var/tmp, where nobody else's folder is used", async () => {
    const host = "bookworm1";
    const state = "/var/tmp/plumb-33";
    const tasks = [
      '- copy: {dest: /srv/undo-www/file, content: "two\\n"}',
      "- script: who.sh\n  register: who",
      "- command: sleep 0.1\n  async: 20\n  poll: 1",
      "- assert: {that: who.stdout == 'www-data'}",
    ].map((task) => `${task}\n  become_user: www-data`);
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-undo-"));
    await writeFile(path.join(folder, "who.sh"), "#!/bin/sh\nid -un\n");
    await onHost(
      host,
      `rm -rf ${state}; mkdir -p /srv/undo-www; echo one > /srv/undo-www/file; chown -R www-data: /srv/undo-www`,
    );
    try {
      const { finished, run } = await apply(tasks.join("\n"), { hosts: [host], folder });
      expect(finished.outcome).toBe("ok");
      expect(await onHost(host, `cat /srv/undo-www/file; stat -c %a:%U ${state} ${state}/undo/${run}`)).toBe(
        "two\n700:www-data\n700:www-data\n",
      );
      const back = await apply(`- rollback: {run: "${run}"}\n  become_user: www-data`, { hosts: [host] });
      expect(back.finished.outcome).toBe("ok");
      expect(await onHost(host, "cat /srv/undo-www/file")).toBe("one\n");
      await onHost(host, `rm -rf ${state}; mkdir -m 777 ${state}; chown daemon ${state}`);
      const squatted = await apply(tasks[0] ?? "", { hosts: [host] });
      expect(squatted.tasks[0]).toMatchObject({
        status: "failed",
        message: expect.stringContaining(`${state} is somebody else's`),
      });
      expect(await onHost(host, `cat /srv/undo-www/file; ls -A ${state}`)).toBe("one\n");
    } finally {
      await onHost(host, `rm -rf ${state} /srv/undo-www`);
    }
  });
});

describe("a block with transaction: true", () => {
  const block = (last: string, more = ""): string => `
- name: both
  transaction: true
  block:
    - copy: {dest: /etc/undo.conf, content: "in between\\n"}
      notify: tell
    - copy: {dest: /etc/undo.d3, content: "made\\n"}
    - ${last}
${more}`;
  const handlers = "- name: tell\n  shell: echo told >> /tmp/undo-told\n";
  const run = (tasks: string, check = false) =>
    runTasks(tasks, { hosts: HOSTS, handlers, check, override: { runId: nextRun() } });

  beforeAll(async () => {
    for (const host of HOSTS)
      await onHost(host, "echo before > /etc/undo.conf; rm -f /tmp/undo-told /etc/undo.d3");
  });

  test("puts back what it has replaced when a task fails, and its handlers have nothing to do", async () => {
    const { statuses, finished, tasks } = await run(block("command: 'false'"));
    expect(finished.outcome).toBe("failed");
    expect([...statuses].sort().filter((_, index) => index % 2 === 0)).toEqual([
      "changed copy",
      "changed copy",
      "changed rollback",
      "failed command",
    ]);
    expect(tasks.find(({ task }) => task.module === "rollback")?.task.name).toBe("undo the transaction both");
    for (const host of HOSTS) {
      expect(await onHost(host, "cat /etc/undo.conf; ls /etc/undo.d3 /tmp/undo-told 2>/dev/null; true")).toBe(
        "before\n",
      );
      expect(finished.hosts.find((one) => one.host === host)?.pendingHandlers).toEqual([]);
    }
  });

  test("rescue and always find the host as it was before", async () => {
    const { statuses, finished } = await run(
      block(
        "command: 'false'",
        `  rescue:
    - command: cat /etc/undo.conf
      register: seen
    - assert: {that: "seen.stdout == 'before'"}
  always:
    - command: test ! -e /etc/undo.d3`,
      ),
    );
    expect(finished.outcome).toBe("ok");
    expect(statuses).toContain("rescued command");
    expect(statuses).toContain("changed rollback");
  });

  test("that is killed in the middle is undone by whatever run comes next, and check mode says so", async () => {
    const folder = await folderWithHosts("transaction", HOSTS);
    const play = (tasks: string): string =>
      `- hosts: all\n  become: true\n  tasks:\n${tasks.replace(/^/gm, "    ")}\n  handlers:\n    - name: tell\n      shell: echo told >> /tmp/undo-told\n`;
    await writeFile(
      path.join(folder, "cut.yml"),
      play(
        `- name: half\n  transaction: true\n  block:\n    - copy: {dest: /etc/undo.conf, content: "half\\n"}\n      notify: tell\n    - file: {path: /etc/undo.d3, state: directory}\n    - command: sleep 4567`,
      ),
    );
    await writeFile(path.join(folder, "next.yml"), play("- command: cat /etc/undo.conf"));
    const args = ["-i", "hosts.ini", "--no-record"];
    const killed = startPlumb(["run", "cut.yml", ...args], { cwd: folder });
    for (const host of HOSTS)
      await onHost(host, "until pgrep -f '^[s]leep 4567' >/dev/null; do sleep 0.1; done");
    killed.child.kill("SIGKILL");
    await killed.ended;
    const check = startPlumb(["run", "next.yml", "--check", "--take-over", ...args], { cwd: folder });
    expect(await check.ended).toBe(0);
    expect(
      check.events.filter(({ type }) => type === "warning").map((event) => JSON.stringify(event)),
    ).toEqual(
      Array(HOSTS.length).fill(expect.stringContaining("was cut off in the middle of a transaction here")),
    );
    const next = startPlumb(["run", "next.yml", "--take-over", ...args], { cwd: folder });
    expect(await next.ended).toBe(0);
    const told = next.events.flatMap((event) =>
      event.type === "task-finished" ? [`${event.status} ${event.task.name.replace(/run \S+/, "run")}`] : [],
    );
    expect(told.sort()).toEqual([
      ...Array(HOSTS.length).fill("changed command"),
      ...Array(HOSTS.length).fill("changed undo the transaction that the run had begun"),
    ]);
    for (const host of HOSTS)
      expect(
        await onHost(
          host,
          "cat /etc/undo.conf; ls -d /etc/undo.d3 /tmp/undo-told /var/lib/plumb/transaction 2>/dev/null; true",
        ),
      ).toBe("before\n");
    const again = startPlumb(["run", "next.yml", ...args], { cwd: folder });
    expect([await again.ended, again.events.filter(({ type }) => type === "task-finished").length]).toEqual([
      0,
      HOSTS.length,
    ]);
  });

  test("stays when all goes well, handlers included; check mode touches nothing", async () => {
    const checked = await run(block("command: 'false'"), true);
    expect(checked.statuses).not.toContain("changed rollback");
    const { finished, statuses } = await run(block("command: 'true'"));
    expect(finished.outcome).toBe("ok");
    expect(statuses).not.toContain("changed rollback");
    for (const host of HOSTS)
      expect(await onHost(host, "cat /etc/undo.conf /tmp/undo-told; rm -f /etc/undo.d3 /tmp/undo-told")).toBe(
        "in between\ntold\n",
      );
  });
});
