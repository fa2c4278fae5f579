import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { TaskFinished } from "../../../src/converge/event.ts";
import { runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";

const HOSTS = ["bookworm1", "trixie1"];
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  await mkdir(path.join(folder, "files"));
  const pair =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout web.key -out web.crt -subj /CN=x 2>/dev/null";
  const archives =
    "head -c 2000 /dev/urandom > noise && tar -czf whole.tgz noise && head -c 1000 whole.tgz > damaged.tgz && tar -cPf climbs.tar --transform s:^:../../: noise";
  execFileSync("/bin/sh", ["-c", `${pair}; ${archives}`], { cwd: path.join(folder, "files") });
  await writeFile(path.join(folder, "files", "long"), `${"# much\n".repeat(250_000)}nonsense\n`);
});

/** Whatever makes a file: each of these fails where the directory is not there. */
const into = (directory: string): string[] =>
  [
    `copy: {content: x, dest: ${directory}/copied}`,
    `copy: {src: /etc/issue, remote_src: true, dest: ${directory}/copied2}`,
    `lineinfile: {path: ${directory}/line, line: x, create: true}`,
    `blockinfile: {path: ${directory}/block, block: x, create: true}`,
    `ini_file: {path: ${directory}/ini, section: a, option: b, value: c}`,
    `pam_limits: {dest: ${directory}/limits, domain: a, limit_type: soft, limit_item: nofile, value: 9}`,
    `file: {path: ${directory}/touched, state: touch}`,
    `file: {path: ${directory}/link, state: link, src: /etc/issue}`,
    `assemble: {src: /etc/apt/apt.conf.d, dest: ${directory}/assembled}`,
    `archive: {path: /etc/apt/apt.conf.d, dest: ${directory}/packed.tgz}`,
    `sysctl: {name: vm.swappiness, value: 60, sysctl_set: false, sysctl_file: ${directory}/own.conf}`,
    `pgbouncer_hba: {path: ${directory}/hba, group: root, rules: [{address: 10.0.0.0/8}]}`,
    `authorized_key: {user: operator, path: ${directory}/keys, key: '${KEY}'}`,
    `tls_ca: {directory: pki, dest: ${directory}/ca.crt}`,
    `tls_certificate: {ca_directory: pki, key_path: ${directory}/a.key, cert_path: ${directory}/a.crt, common_name: x}`,
    `tls_certificate: {key_src: web.key, cert_src: web.crt, key_path: ${directory}/b.key, cert_path: ${directory}/b.crt}`,
  ].map((task) => `- ${task}`);

const hard = (directory: string): string[] => [
  `- copy: {content: x, dest: ${directory}/one}`,
  `- file: {path: ${directory}/two, state: hard, src: ${directory}/one}`,
];

async function told(tasks: readonly string[], check: boolean): Promise<TaskFinished[]> {
  const text = tasks.map((task) => `${task}\n  ignore_errors: true`).join("\n");
  return (await runTasks(text, { hosts: HOSTS, check }, folder)).tasks;
}

const statuses = async (tasks: readonly string[], check: boolean): Promise<Set<string>> =>
  new Set((await told(tasks, check)).map(({ status }) => status));

test("check mode promises no file in a directory that is not there, unless an earlier task would make it", async () => {
  const nowhere = into("/srv/plumb-missing/deep");
  for (const check of [true, false]) {
    const done = await told(nowhere, check);
    expect(done.filter(({ status }) => status !== "ignored")).toEqual([]);
    for (const { message, task } of done)
      expect(`${task.module}: ${message}`).toMatch(/the directory \S+ does not exist|is not there$/);
  }
  const directory = "/srv/plumb-missing/deep";
  const made = [`- file: {path: ${directory}, state: directory}`, ...nowhere, ...hard(directory)];
  expect(await statuses(made, true)).toEqual(new Set(["would-change"]));
  expect(await statuses(made, false)).toEqual(new Set(["changed"]));
  expect(await statuses(made, false)).toEqual(new Set(["ok"]));
});

test("nor what can't be had: where a file is on the way, of groups and devices that are not there, of numbers that are taken", async () => {
  const expected = [
    ["file: {path: /etc/issue/deep/er, state: directory}", "/etc/issue is no directory"],
    ["copy: {content: x, dest: /etc/issue/x}", "/etc/issue is no directory"],
    ["mount: {path: /etc/issue/x, src: tmpfs, fstype: tmpfs, state: mounted}", "/etc/issue is no directory"],
    ["file: {path: /srv/leads, state: link, src: nowhere}", "/srv/nowhere is not there"],
    ["file: {path: /srv/leads, state: hard, src: /srv/nowhere}", "/srv/nowhere is not there"],
    ["file: {path: /srv/leads, state: hard, src: /srv}", "only files can have a second name"],
    ["file: {path: /run/leads, state: hard, src: /etc/issue}", "are on two file systems"],
    ["group: {name: probe, gid: 0}", "the number 0 is another group's"],
    ["user: {name: probe, group: nobody-at-all}", "there is no group nobody-at-all"],
    ["user: {name: probe, groups: [games, nobody-at-all]}", "there is no group nobody-at-all"],
    [
      "mount: {path: /mnt, src: /dev/nothing, fstype: ext4, state: mounted}",
      "there is no device /dev/nothing",
    ],
    ["mount: {path: /mnt, src: LABEL=nothing, fstype: ext4, state: mounted}", "no device has LABEL=nothing"],
  ] as const;
  for (const check of [true, false]) {
    const done = await told(
      expected.map(([task]) => `- ${task}`),
      check,
    );
    for (const host of HOSTS) {
      const own = done.filter((task) => task.host === host);
      expect(own.map(({ status, message }) => [status, message])).toEqual(
        expected.map(([, message]) => ["ignored", expect.stringContaining(message)]),
      );
    }
  }
  const forced = ["- file: {path: /srv/plumb-missing/dangling, state: link, src: nowhere, force: true}"];
  expect(await statuses(forced, true)).toEqual(new Set(["would-change"]));
  expect(await statuses(forced, false)).toEqual(new Set(["changed"]));
  expect(await statuses(forced, false)).toEqual(new Set(["ok"]));
});

/** What only the host can tell, by looking at what would be put in place. */
const refused: readonly (readonly [task: string, says: RegExp])[] = [
  [
    "copy: {content: nonsense, dest: /etc/sudoers.d/zz, validate: visudo -cf %s}",
    /`visudo -cf %s` refused the new content: \/etc\/sudoers\.d\/zz:1:/,
  ],
  ["copy: {content: x, dest: /etc/zz, validate: no-such-program %s}", /no-such-program: not found/],
  ["copy: {content: x, dest: /etc/zz, validate: 'test ( %s'}", /Syntax error/],
  ["copy: {content: x, dest: /etc/zz, owner: nobody-at-all}", /invalid user: .nobody-at-all/],
  [
    "copy: {content: x, dest: /etc/zz, group: nobody-at-all, validate: test -f %s}",
    /invalid group: .:nobody-at-all/,
  ],
  ["copy: {src: files/, dest: /srv/zz, owner: nobody-at-all}", /invalid user/],
  [
    "copy: {src: /etc/issue, remote_src: true, dest: /etc/zz, validate: sshd -t -f %s}",
    /exit 65: the new file/,
  ],
  ["template: {src: files/web.crt, dest: /etc/zz, validate: visudo -cf %s}", /\/etc\/zz:\d/],
  [
    "lineinfile: {path: /etc/sudoers, line: nonsense, validate: visudo -cf %s}",
    /refused the new content: \/etc\/sudoers:/,
  ],
  [
    "blockinfile: {path: /etc/sudoers, block: nonsense, validate: visudo -cf %s}",
    /refused the new content: \/etc\/sudoers:/,
  ],
  [
    "ini_file: {path: /etc/zz, section: a, option: b, value: c, owner: nobody-at-all}",
    /\/etc\/zz was not replaced: chown: invalid user/,
  ],
  [
    "ini_file: {path: /etc/sudoers, section: a, option: b, value: c, validate: visudo -cf %s}",
    /refused the new content: [\s\S]*\/etc\/sudoers:/,
  ],
  ["copy: {src: files/long, dest: /etc/zz, validate: visudo -cf %s}", /refused the new content: \/etc\/zz:/],
  ["assemble: {src: /etc/apt/apt.conf.d, dest: /etc/zz, validate: visudo -cf %s}", /refused the new content/],
  ["file: {path: /etc/zz, state: directory, owner: nobody-at-all}", /invalid user/],
  ["file: {path: /etc/issue, group: nobody-at-all}", /invalid group/],
  ["archive: {path: /etc/apt/apt.conf.d, dest: /srv/zz.tgz, owner: nobody-at-all}", /invalid user/],
  ["unarchive: {src: /etc/issue, remote_src: true, dest: /srv}", /the archive is damaged/],
  ["unarchive: {src: damaged.tgz, dest: /srv}", /the archive is damaged/],
  ["unarchive: {src: climbs.tar, dest: /srv}", /a path that leads out of the directory/],
  ["unarchive: {src: whole.tgz, dest: /srv, owner: nobody-at-all}", /invalid user/],
  [
    "tls_certificate: {ca_directory: pki, key_path: /srv/zz.key, cert_path: /srv/zz.crt, common_name: x, owner: nobody-at-all}",
    /make a signing request for x: exit 1: chown: invalid user/,
  ],
  [
    "tls_certificate: {key_src: web.key, cert_src: web.crt, key_path: /srv/zz.key, cert_path: /srv/zz.crt, owner: nobody-at-all}",
    /install the certificate \/srv\/zz.crt: exit 1: chown: invalid user/,
  ],
  ["systemd_unit: {name: zz, service: {ExecStart: /usr/bin/cat, Bogus: 1}}", /zz.service:\d+: Unknown key/],
  [
    "systemd_timer: {name: zz, command: /usr/bin/true, on_calendar: now and then}",
    /Failed to parse calendar/,
  ],
  ["systemd_timer: {name: zz, command: /usr/bin/true, on_boot_sec: soon}", /zz.timer:\d+: Failed to parse/],
  [
    "nftables: {rules: [{name: ssh, ports: [22]}, {name: x, rule: bogus}]}",
    /`nft -c -f %s` refused the new content/,
  ],
  ["sshd_config: {settings: {PermitRootLogin: sometimes}}", /unsupported option "sometimes"/],
  ["mount: {path: /mnt, src: none, fstype: nosuchfs, state: mounted}", /unknown filesystem type/],
  ["user: {name: probe, uid: 1}", /the number 1 is another user's/],
  ["user: {name: root, state: absent}", /root is the superuser/],
  ["user: {name: root, uid: 4711}", /currently used by process/],
  ["group: {name: daemon, state: absent}", /primary group of user/],
  ["package: {name: bash=0.1, update_cache: false}", /Version '0.1' for 'bash' was not found/],
  ["package: {name: bash, state: absent, update_cache: false}", /allow-remove-essential/],
];

const traces = "ls -A /tmp /var/tmp /etc /etc/sudoers.d /etc/systemd/system /srv | grep -v systemd-private";

test("nor what the host itself would refuse: it says in check mode what it says in the run, and nothing is left of the trial", async () => {
  const tasks = refused.map(([task]) => `- ${task}`);
  const before = await Promise.all(HOSTS.map((host) => onHost(host, traces)));
  const checked = await told(tasks, true);
  expect(await Promise.all(HOSTS.map((host) => onHost(host, traces)))).toEqual(before);
  const ran = await told(tasks, false);
  for (const host of HOSTS) {
    const said = (done: readonly TaskFinished[]): string[] =>
      done
        .filter((task) => task.host === host)
        .map(
          ({ status, message }) =>
            `${status} ${message.replace(/sh: \d+: eval/g, "sh: eval").replace(/\n +dmesg.*/, "")}`,
        );
    expect(said(checked)).toEqual(said(ran));
    expect(said(checked)).toEqual(
      refused.map(([, says]) => expect.stringMatching(new RegExp(`^ignored [^]*${says.source}`))),
    );
    await onHost(host, "rm -rf /etc/zz /srv/zz /srv/zz.tgz; sed -i /nosuchfs/d /etc/fstab");
  }
});

test("a user whom the run itself makes counts, and what is refused as the host is now is unknown, with a warning, where an earlier task may change that", async () => {
  const tasks = [
    "- user: {name: maker, system: true}",
    "- copy: {content: x, dest: /etc/zz, owner: maker, group: maker, validate: test -f %s}",
  ];
  expect(await statuses(tasks, true)).toEqual(new Set(["would-change"]));
  expect(await statuses(tasks, false)).toEqual(new Set(["changed"]));
  const gone = ["- file: {path: /etc/zz, state: absent}", "- user: {name: maker, state: absent}"];
  expect(await statuses(gone, true)).toEqual(new Set(["would-change"]));
  const later = [
    ...gone,
    "- copy: {content: nonsense, dest: /etc/sudoers.d/zz, validate: visudo -cf %s}",
    "- copy: {content: x, dest: /etc/zz1, validate: cat /srv/comes-later %s}",
  ];
  const { tasks: promised, events } = await runTasks(later.join("\n"), { hosts: HOSTS, check: true });
  for (const host of HOSTS)
    expect(promised.filter((task) => task.host === host).map(({ status }) => status)).toEqual([
      "would-change",
      "would-change",
      "unknown",
      "would-change",
    ]);
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  expect(warnings).toEqual(HOSTS.map(() => expect.stringMatching(/^as the host is now, .*sudoers\.d\/zz/)));
  expect(await statuses(gone, false)).toEqual(new Set(["changed"]));
});

test("what many tasks would put in place is tried in one trip", async () => {
  const trips = async (count: number): Promise<unknown[]> => {
    const tasks = Array.from(
      { length: count },
      (_, index) => `- copy: {content: 'x ${index}', dest: /etc/zz${index}, validate: grep x %s}`,
    );
    const { finished } = await runTasks(tasks.join("\n"), { hosts: HOSTS, check: true });
    return finished.hosts.map(({ counters }) => counters?.roundTrips);
  };
  expect(await trips(12)).toEqual(await trips(1));
});

test("a second name of another file is drift, and mended", async () => {
  const [, task = ""] = hard("/srv/plumb-missing/deep");
  const spoil = "cd /srv/plumb-missing/deep && rm two && echo other > two";
  await Promise.all(HOSTS.map((host) => onHost(host, spoil)));
  expect(await statuses([task], true)).toEqual(new Set(["would-change"]));
  expect(await statuses([task], false)).toEqual(new Set(["changed"]));
  for (const host of HOSTS) await onHost(host, "cd /srv/plumb-missing/deep && [ one -ef two ]");
});

test("what stands where something else is wanted may be gone by then, if an earlier task changes something", async () => {
  const pending = [
    "- file: {path: /srv/plumb-missing/deep/one, state: absent}",
    "- file: {path: /srv/plumb-missing/deep/one, state: directory}",
  ];
  expect((await told(pending, true)).map(({ status }) => status).toSorted()).toEqual([
    "unknown",
    "unknown",
    "would-change",
    "would-change",
  ]);
  expect(await statuses(pending, false)).toEqual(new Set(["changed"]));
  const gone = ["- file: {path: /srv/plumb-missing, state: absent}"];
  expect(await statuses(gone, false)).toEqual(new Set(["changed"]));
});
