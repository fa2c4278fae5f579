import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp } from "node:fs/promises";
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
  execFileSync("/bin/sh", ["-c", pair], { cwd: path.join(folder, "files") });
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
