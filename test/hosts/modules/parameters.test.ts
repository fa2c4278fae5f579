import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { lab } from "../lab.ts";
import { onHost } from "../lab-hosts.ts";
import { keepsItsPromise, keepTheirPromises, type Promised } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"];
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V";
const UFW = havePackages("ufw");
const BUILD =
  "mkdir -p /srv/deb/DEBIAN && printf 'Package: plumb-probe\\nVersion: 1.2-3\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: probe\\nDepends: coreutils\\n' > /srv/deb/DEBIAN/control && dpkg-deb -b /srv/deb '/srv/a probe.deb' >/dev/null && rm -r /srv/deb";

/** What playbooks for Ansible say, and the modules learned from them. */
const CASES: readonly Promised[] = [
  {
    module: "file",
    tasks: '- file: {path: /srv/words, state: directory, mode: "u=rwX,g=rX,o="}',
    holds: '[ "$(stat -c %a /srv/words)" = 750 ]',
    drift: "chmod 0777 /srv/words",
    undo: { tasks: "- file: {path: /srv/words, state: absent}", gone: "[ ! -e /srv/words ]" },
  },
  {
    module: "copy",
    tasks: '- copy: {content: "x\\n", dest: /srv/worded, mode: "u=rw,g=r,o="}',
    holds: '[ "$(stat -c %a /srv/worded)" = 640 ]',
    drift: "chmod 0644 /srv/worded",
    undo: { tasks: "- file: {path: /srv/worded, state: absent}", gone: "[ ! -e /srv/worded ]" },
  },
  {
    module: "file",
    tasks:
      "- file: {path: /srv/timed, state: touch, modification_time: '2026-01-31T12:00:00Z', access_time: '202601311200.30'}",
    holds:
      '[ "$(stat -c %Y /srv/timed)" = 1769860800 ] && [ "$(stat -c %X /srv/timed)" = "$(date -d "2026-01-31 12:00:30" +%s)" ]',
    drift: "touch /srv/timed",
    undo: { tasks: "- file: {path: /srv/timed, state: absent}", gone: "[ ! -e /srv/timed ]" },
  },
  {
    module: "authorized_key",
    tasks: `- authorized_key: {user: operator, key: '${KEY} x', path: /etc/ssh/keys/operator, exclusive: true, key_options: 'from="10.0.0.0/8"'}`,
    before: "mkdir -p /etc/ssh/keys; echo 'ssh-ed25519 AAAAold other' > /etc/ssh/keys/operator",
    holds: `[ "$(cat /etc/ssh/keys/operator)" = 'from="10.0.0.0/8" ${KEY} x' ] && [ "$(stat -c '%U %a' /etc/ssh/keys/operator)" = 'root 644' ]`,
    drift: `echo 'ssh-ed25519 AAAAother other' >> /etc/ssh/keys/operator`,
    undo: {
      tasks: `- authorized_key: {user: operator, key: '${KEY}', path: /etc/ssh/keys/operator, state: absent}`,
      gone: "[ ! -s /etc/ssh/keys/operator ]",
    },
    after: "rm -r /etc/ssh/keys",
  },
  {
    module: "group",
    tasks: "- group: {name: twins, gid: 4244, non_unique: true}",
    before: "groupadd --gid 4244 firsttwin",
    holds: "getent group twins | grep -q ':4244:'",
    drift: "groupmod --gid 4245 twins",
    undo: { tasks: "- group: {name: twins, state: absent}", gone: "! getent group twins" },
    after: "groupdel firsttwin",
  },
  {
    module: "user",
    tasks:
      '- user: {name: keyed, generate_ssh_key: true, ssh_key_comment: "it\'s a key", password_expire_max: 90, password_expire_min: 1, password_expire_warn: 14}',
    holds:
      "getent shadow keyed | grep -q ':1:90:14:::$' && cd /home/keyed/.ssh && grep -q \"it's a key\" id_ed25519.pub && [ \"$(ssh-keygen -y -P '' -f id_ed25519 | cut -d' ' -f1,2)\" = \"$(cut -d' ' -f1,2 id_ed25519.pub)\" ] && [ \"$(stat -c '%U %a' . id_ed25519 | tr '\\n' ' ')\" = 'keyed 700 keyed 600 ' ]",
    drift: "rm /home/keyed/.ssh/id_ed25519.pub; chage --maxdays -1 keyed",
    undo: {
      tasks: "- user: {name: keyed, state: absent, remove: true}",
      gone: "! getent passwd keyed && [ ! -e /home/keyed ]",
    },
  },
  {
    module: "ini_file",
    tasks:
      "- ini_file: {path: /srv/several.ini, section: Resolve, option: DNS, values: [192.0.2.1, 192.0.2.2], no_extra_spaces: true}",
    before:
      "printf '[Resolve]\\nDNS=192.0.2.2\\nDNS=192.0.2.9\\nLLMNR=no\\n\\n[Other]\\nDNS=1\\n' > /srv/several.ini",
    holds:
      "printf '[Resolve]\\nDNS=192.0.2.2\\nDNS=192.0.2.1\\nLLMNR=no\\n\\n[Other]\\nDNS=1\\n' | cmp - /srv/several.ini",
    drift: "sed -i 's/192.0.2.1$/192.0.2.7/' /srv/several.ini",
    undo: {
      tasks:
        "- ini_file: {path: /srv/several.ini, section: Resolve, option: DNS, values: [192.0.2.1, 192.0.2.2], exclusive: false, state: absent}",
      gone: "! grep -q 192 /srv/several.ini && grep -q '^DNS=1' /srv/several.ini",
    },
    after: "rm /srv/several.ini",
  },
  {
    module: "ufw",
    tasks: "- ufw: {rule: deny, from_ip: 203.0.113.0/24, interface: lo, insert: 1, log: true}",
    before: `${UFW}; ufw allow 6000/tcp >/dev/null`,
    holds:
      '[ "$(ufw show added | grep -n 203.0.113 | cut -d: -f1)" -lt "$(ufw show added | grep -n 6000 | cut -d: -f1)" ] && ufw show added | grep 203.0.113 | grep -q \'on lo log\'',
    drift: "ufw delete deny in on lo log from 203.0.113.0/24 to any",
    undo: {
      tasks: "- ufw: {rule: deny, from_ip: 203.0.113.0/24, interface: lo, log: true, delete: true}",
      gone: "! ufw show added | grep -q 203.0.113",
    },
    after: "ufw delete allow 6000/tcp >/dev/null",
  },
  {
    module: "ufw",
    tasks:
      "- ufw: {rule: deny, proto: udp, from_ip: 198.51.100.9, from_port: '5000:5100', port: 53, logging: medium}",
    holds:
      "ufw show added | grep -q 'deny from 198.51.100.9 port 5000:5100 to any port 53 proto udp' && grep -q LOGLEVEL=medium /etc/ufw/ufw.conf",
    drift: "ufw logging low; ufw delete deny proto udp from 198.51.100.9 port 5000:5100 to any port 53",
    undo: {
      tasks:
        "- ufw: {rule: deny, proto: udp, from_ip: 198.51.100.9, from_port: '5000:5100', port: 53, delete: true}",
      gone: "! ufw show added | grep -q 203.0.113.9",
    },
    after: "ufw logging low",
  },
  {
    module: "ufw",
    tasks: "- ufw: {rule: limit, name: OpenSSH}",
    holds: "ufw show added | grep -q '^ufw limit OpenSSH'",
    drift: "ufw delete limit OpenSSH",
    undo: {
      tasks: "- ufw: {rule: limit, name: OpenSSH, delete: true}",
      gone: "! ufw show added | grep -q OpenSSH",
    },
  },
  {
    module: "package",
    tasks: "- package: {deb: '/srv/a probe.deb'}",
    before: BUILD,
    holds: "[ \"$(dpkg-query -W -f='${db:Status-Status} ${Version}' plumb-probe)\" = 'installed 1.2-3' ]",
    drift: "dpkg --purge plumb-probe >/dev/null",
    undo: { tasks: "- package: {name: plumb-probe, state: absent}", gone: "! dpkg-query -W plumb-probe" },
    after: "rm '/srv/a probe.deb'",
  },
  {
    module: "apt_repository",
    tasks:
      "- apt_repository: {repo: 'deb [arch=amd64 trusted=yes] file:/srv/one-line ./', update_cache: false}",
    holds:
      "cd /etc/apt/sources.list.d && grep -q '^URIs: file:/srv/one-line' srv_one-line.sources && grep -q '^Architectures: amd64' srv_one-line.sources && apt-get indextargets >/dev/null",
    drift: "sed -i s/one-line/two-lines/ /etc/apt/sources.list.d/srv_one-line.sources",
    undo: {
      tasks:
        "- apt_repository: {repo: 'deb [arch=amd64 trusted=yes] file:/srv/one-line ./', state: absent, update_cache: false}",
      gone: "[ ! -e /etc/apt/sources.list.d/srv_one-line.sources ]",
    },
  },
];

describe("a parameter of Ansible's on both releases", () => {
  test("keeps its promise", () => keepTheirPromises(CASES), 300_000);
});

/** By itself: it turns the firewall on. */
test("all that ufw lets in on Plumb's account", () =>
  keepsItsPromise({
    module: "ufw_rules",
    before: UFW,
    tasks:
      "- ufw_rules: {rules: [{name: ssh, ports: [22]}, {name: probe, ports: [6499], sources: [10.0.0.0/8]}]}",
    holds: "ufw status | grep -q '^Status: active' && ufw status | grep ^6499 | grep -qF 10.0.0.0/8",
    drift:
      "ufw delete allow proto tcp from 10.0.0.0/8 to any port 6499 >/dev/null; ufw default allow >/dev/null",
    undo: { tasks: "- ufw_rules: {state: absent}", gone: "! ufw show added | grep -q 6499" },
    after: "ufw --force disable >/dev/null",
  }));

test("stat tells times, links, who may do what, and checksums in the wanted algorithm", async () => {
  await Promise.all(
    HOSTS.map((host) =>
      onHost(
        host,
        "cd /srv && ln -sfn told leading && ln -sfn nowhere broken && printf abc > told && chmod 4751 told && ln told told2 && touch -m -d @1700000000 told",
      ),
    ),
  );
  const tasks = `
- stat: {path: /srv/told, checksum_algorithm: sha1}
  register: told
- stat: {path: /srv/told, get_checksum: false}
  register: plain
- stat: {path: /srv/leading, follow: true}
  register: followed
- stat: {path: /srv/broken, follow: true}
  register: broken
- stat: {path: /srv/leading}
  register: link
- assert:
    that:
      - followed.stat.isreg and followed.stat.inode == told.stat.inode and followed.stat.path == "/srv/leading" and has(followed.stat.checksum)
      - not broken.stat.exists and link.stat.islnk and link.stat.lnk_target == "told"
      - told.stat.checksum == "a9993e364706816aba3e25717850c26c9cd0d89d"
      - told.stat.mtime == 1700000000
      - told.stat.nlink == 2 and told.stat.inode > 0 and told.stat.ctime > told.stat.mtime and told.stat.atime > 0
      - told.stat.isuid and told.stat.xusr and told.stat.rgrp and not told.stat.wgrp and told.stat.xoth and not told.stat.roth
      - plain.stat.size == 3 and not has(plain.stat.checksum)
- command: {argv: [stat, -c, "%i", /srv/told]}
  register: seen
- assert: {that: int(seen.stdout) == told.stat.inode}
`.trim();
  const { tasks: done } = await runTasks(tasks, { hosts: HOSTS });
  expect(done.filter(({ status }) => status === "failed").map(({ message }) => message)).toEqual([]);
  expect(done).toHaveLength(16);
  await Promise.all(HOSTS.map((host) => onHost(host, "rm /srv/told /srv/told2 /srv/leading /srv/broken")));
});

test("a port is drained once nobody is connected but who does not count", async () => {
  await onHost(
    "bookworm1",
    "systemd-run --quiet --collect --unit=kept bash -c 'exec 3<>/dev/tcp/127.0.0.1/22; sleep 600'; until ss -tnH state established '( dport = :22 )' | grep -q .; do sleep 0.1; done",
  );
  const drained = "wait_for: {port: 22, state: drained, timeout: 1, active_connection_states: [ESTABLISHED]";
  const { address } = lab.hosts.find(({ name }) => name === "bookworm1") ?? { address: "" };
  const controller = address.replace(/\d+$/, "1");
  const { tasks } = await runTasks(
    `- ${drained}, exclude_hosts: ['::ffff:${controller}']}\n  ignore_errors: true\n- ${drained}, exclude_hosts: [127.0.0.1]}\n  ignore_errors: true\n- ${drained}, exclude_hosts: [${controller}, 127.0.0.1]}`,
  );
  await onHost("bookworm1", "systemctl stop kept");
  expect(tasks.map(({ status }) => status)).toEqual(["ignored", "ignored", "ok"]);
});

test("a time of now is set every time, and check mode says so", async () => {
  const task = "- file: {path: /srv/now, state: touch, modification_time: now, mode: '0600'}";
  await onHost("bookworm1", "touch -d @1 /srv/now; chmod 600 /srv/now");
  expect((await runTasks(task, { check: true })).statuses).toEqual(["unknown file"]);
  expect((await onHost("bookworm1", "stat -c %Y /srv/now")).trim()).toBe("1");
  expect((await runTasks(task)).statuses).toEqual(["changed file"]);
  expect(Number(await onHost("bookworm1", "stat -c %Y /srv/now; rm /srv/now"))).toBeGreaterThan(
    1_700_000_000,
  );
});

test("a unit of one's own in the place of a package's is read by systemd, also where a run before was killed in between", async () => {
  const name = "plumb-own-unit";
  const unit = (word: string): string => `[Service]\\nExecStart=/bin/sleep ${word}\\n`;
  const hosts = ["bookworm1", "trixie1"];
  for (const host of hosts)
    await onHost(
      host,
      `printf '${unit("1001")}' > /lib/systemd/system/${name}.service; systemctl daemon-reload; systemctl start ${name}`,
    );
  // What a run has done that was killed between the file and systemd.
  const own = `- systemd_unit: {name: ${name}, service: {ExecStart: /bin/sleep 1002}}`;
  await runTasks(own, { hosts });
  for (const host of hosts)
    await onHost(
      host,
      `cd /etc/systemd/system; mv ${name}.service aside; systemctl daemon-reload; mv aside ${name}.service; [ "$(systemctl show -p NeedDaemonReload --value ${name})" = no ]`,
    );
  const { tasks } = await runTasks(`${own}\n- systemd: {name: ${name}, state: restarted}`, { hosts });
  expect(tasks.map(({ status, task }) => `${status} ${task.module}`).sort()).toEqual([
    "changed systemd",
    "changed systemd",
    "changed systemd_unit",
    "changed systemd_unit",
  ]);
  for (const host of hosts)
    expect(await onHost(host, `systemctl show -p ExecStart --value ${name}`)).toContain("sleep 1002");
  for (const host of hosts)
    await onHost(
      host,
      `systemctl stop ${name}; rm /lib/systemd/system/${name}.service /etc/systemd/system/${name}.service; systemctl daemon-reload`,
    );
});

test("a drop-in is verified together with its unit, and one that fails replaces nothing; of a unit that is nowhere it is said that only the drop-in could be judged", async () => {
  const hosts = ["bookworm1", "trixie1"];
  const dropin = (name: string, section: string): string =>
    `- systemd_unit: {name: ${name}, dropin: plumb-test, ${section}}`;
  const good = [
    dropin("ssh", "service: {LimitNOFILE: 5000}"),
    dropin("getty@", "unit: {After: ssh.service}"),
  ];
  const made = await runTasks(good.join("\n"), { hosts });
  expect(made.statuses).toEqual(Array(4).fill("changed systemd_unit"));
  expect((await runTasks(good.join("\n"), { hosts })).statuses).toEqual(Array(4).fill("ok systemd_unit"));
  const bad = [
    [dropin("ssh", "service: {LimitNOFILES: 1}"), "Unknown key 'LimitNOFILES'"],
    // Each of these is right by itself.
    [dropin("ssh", "service: {ExecStart: /usr/sbin/sshd -D}"), "more than one ExecStart= setting"],
    [dropin("ssh", "service: {ExecStart: ['', /nowhere]}"), "Command /nowhere is not executable"],
    [dropin("getty@", "service: {Nonsense: 1}"), "Unknown key 'Nonsense'"],
    [dropin("plumb-nowhere", "service: {Nonsense: 1}"), "Unknown key 'Nonsense'"],
  ] as const;
  const unknown = dropin("plumb-nowhere", "service: {LimitNOFILE: 5000}");
  const tasks = [...bad.map(([task]) => `${task}\n  ignore_errors: true`), unknown].join("\n");
  for (const check of [true, false]) {
    const { tasks: told, events } = await runTasks(tasks, { hosts, check });
    for (const host of hosts) {
      const messages = told.flatMap((one) => (one.host === host ? [one.message] : []));
      expect(messages).toEqual([
        ...bad.map(([, said]) => expect.stringContaining(said)),
        "create /etc/systemd/system/plumb-nowhere.service.d/plumb-test.conf",
      ]);
    }
    expect(JSON.stringify(events.filter(({ type }) => type === "warning"))).toContain(
      "systemd does not know plumb-nowhere.service",
    );
  }
  for (const host of hosts)
    expect(
      await onHost(
        host,
        "cd /etc/systemd/system; grep -h ^Limit {ssh,plumb-nowhere}.service.d/plumb-test.conf; rm */plumb-test.conf; rmdir ssh.service.d getty@.service.d plumb-nowhere.service.d; systemctl daemon-reload",
      ),
    ).toBe("LimitNOFILE=5000\nLimitNOFILE=5000\n");
});

test("systemd starts itself anew, and does not wait for a unit where it is told so", async () => {
  await Promise.all(
    HOSTS.map((host) =>
      onHost(
        host,
        "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/sleep 600\\n' > /run/systemd/system/slow.service; systemctl daemon-reload",
      ),
    ),
  );
  const { tasks } = await runTasks(
    "- systemd: {daemon_reexec: true}\n- systemd: {name: slow, state: started, no_block: true}",
    { hosts: HOSTS },
  );
  expect(tasks.map(({ status, message }) => (status === "failed" ? message : status))).toEqual(
    Array(4).fill("changed"),
  );
  for (const host of HOSTS) {
    expect((await onHost(host, "systemctl is-active slow || true")).trim()).toBe("activating");
    expect(await onHost(host, "journalctl --sync; journalctl -b --since -2min -o cat _PID=1")).toMatch(
      /Reexecut/,
    );
    await onHost(host, "systemctl stop slow; rm /run/systemd/system/slow.service; systemctl daemon-reload");
  }
});

test("what a file holds that an earlier task would make is not known in check mode; a missing one is an error otherwise", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  const tasks =
    "- copy: {content: x, dest: /srv/made}\n- slurp: {src: /srv/made}\n- fetch: {src: /srv/made, dest: got}";
  const { tasks: done } = await runTasks(tasks, { hosts: HOSTS, check: true }, folder);
  expect(done.map(({ status }) => status).toSorted()).toEqual([
    "unknown",
    "unknown",
    "would-change",
    "would-change",
    "would-change",
    "would-change",
  ]);
  const { tasks: alone } = await runTasks("- slurp: {src: /srv/made}", { check: true });
  expect(alone[0]).toMatchObject({ status: "failed", message: "/srv/made is not there" });
});

test("fetch stays in its folder, verifies what arrives, and keeps what it had when that is another", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  await onHost(
    "bookworm1",
    "echo told > /srv/told; head -c 5000000 /dev/zero > /srv/growing; systemd-run --quiet --collect --unit=grower /bin/sh -c 'while :; do echo x >> /srv/growing; sleep 0.01; done'",
  );
  await writeFile(path.join(folder, "grown"), "before");
  const tasks = `
- fetch: {src: /srv/told, dest: got/}
- fetch: {src: /../../etc/hostname, dest: got/}
  ignore_errors: true
- fetch: {src: /srv/growing, dest: grown, flat: true}
  ignore_errors: true
- fetch: {src: /srv/growing, dest: loose, flat: true, validate_checksum: false}
`;
  const { tasks: done } = await runTasks(tasks.trim(), {}, folder);
  await onHost("bookworm1", "systemctl stop grower; rm /srv/told /srv/growing");
  expect(await readFile(path.join(folder, "got", "bookworm1", "srv", "told"), "utf8")).toBe("told\n");
  expect(done.map(({ status }) => status).slice(0, 3)).toEqual(["changed", "ignored", "ignored"]);
  expect(done[1]?.message).toContain("would lead out of");
  expect(done[2]?.message).toContain("changed while it was fetched: nothing was kept");
  expect(await readFile(path.join(folder, "grown"), "utf8")).toBe("before");
  expect((await readFile(path.join(folder, "loose"))).byteLength).toBeGreaterThan(4_999_999);
});
