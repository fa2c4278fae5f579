import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import { keepsItsPromise } from "./promise.ts";

/** Modules that only look: the journal, certificates. And logrotate, whose check looks at what is there. */

test("logrotate keeps its promise", async () => {
  await keepsItsPromise({
    module: "logrotate",
    tasks:
      "- logrotate: {name: app, paths: [/var/log/app/*.log, '/var/log/my app.log'], frequency: weekly, rotate: 3, create: '0640 root adm', postrotate: \"logger 'it''s rotated' || true\"}",
    before: `${havePackages("logrotate")}; mkdir -p /var/log/app; echo x > /var/log/app/a.log; echo y > '/var/log/my app.log'`,
    holds:
      "logrotate --state /tmp/state --force /etc/logrotate.d/app && [ -f /var/log/app/a.log.1.gz ] && [ -f '/var/log/my app.log.1.gz' ] && [ \"$(stat -c '%a %G' /var/log/app/a.log)\" = '640 adm' ]; code=$?; rm -f /tmp/state /var/log/app/a.log.*; echo x > /var/log/app/a.log; rm -f '/var/log/my app.log'.*; echo y > '/var/log/my app.log'; exit $code",
    drift: "sed -i '/create/d' /etc/logrotate.d/app",
    undo: { tasks: "- logrotate: {name: app, state: absent}", gone: "[ ! -e /etc/logrotate.d/app ]" },
    after: "rm -r /var/log/app '/var/log/my app.log'",
  });
});

test("raw runs where its mark is missing, which check mode can't foresee, and nowhere else", async () => {
  const task = "- raw: {cmd: 'echo raw > /srv/raw', creates: /srv/raw}";
  const statuses = async (check: boolean): Promise<string[]> =>
    (await runTasks(task, { hosts: ["bookworm1", "trixie1"], check })).tasks.map(({ status }) => status);
  const everywhere = (command: string): Promise<string[]> =>
    Promise.all(["bookworm1", "trixie1"].map((host) => onHost(host, command)));
  expect(await statuses(true)).toEqual(["unknown", "unknown"]);
  expect(await everywhere("ls /srv")).toEqual(["", ""]);
  expect(await statuses(false)).toEqual(["changed", "changed"]);
  expect(await everywhere("cat /srv/raw")).toEqual(["raw\n", "raw\n"]);
  expect(await statuses(false)).toEqual(["ok", "ok"]);
  await everywhere("rm /srv/raw");
  expect(await statuses(true)).toEqual(["unknown", "unknown"]);
  expect(await statuses(false)).toEqual(["changed", "changed"]);
  await everywhere("rm /srv/raw");
});

describe.each(["bookworm1", "trixie1"])("on %s", (host) => {
  test("logrotate refuses what it would not do: an unknown directive, a log twice, a directory that others may write to", async () => {
    await onHost(
      host,
      `${havePackages("logrotate")}; mkdir -p /var/log/open; chmod 777 /var/log/open; touch /var/log/open/a.log`,
    );
    const tasks = `
- logrotate: {name: one, paths: /var/log/one.log, options: [rotat 5]}
  ignore_errors: true
- logrotate: {name: two, paths: /var/log/dpkg.log}
  ignore_errors: true
- logrotate: {name: three, paths: /var/log/open/a.log}
  ignore_errors: true
- logrotate: {name: three, paths: /var/log/open/a.log, su: root adm}
- logrotate: {name: three, state: absent}
`;
    const { tasks: done } = await runTasks(tasks.trim(), { hosts: [host] });
    expect(done.map(({ status }) => status)).toEqual(["ignored", "ignored", "ignored", "changed", "changed"]);
    expect(done[0]?.message).toContain("unknown option 'rotat'");
    expect(done[1]?.message).toContain("duplicate log entry for /var/log/dpkg.log");
    expect(done[2]?.message).toContain("insecure permissions");
    await onHost(host, "rm -r /var/log/open; [ ! -e /etc/logrotate.d/one ] && [ ! -e /etc/logrotate.d/two ]");
  });

  test("journal gives entries by unit, priority, field and pattern, in check mode too", async () => {
    await onHost(
      host,
      "systemd-run --quiet --wait --unit=talker /bin/sh -c 'echo \"<3>a bad ü \\\"thing\\\"\"; echo fine'; logger -t other -p daemon.warning 'watch out'; journalctl --sync",
    );
    const tasks = `
- journal: {unit: talker, since: -1h}
  register: all
- journal: {unit: talker, priority: err}
  register: bad
- journal: {identifier: other, grep: WATCH|watch, boot: true, fields: [_UID]}
  register: other
- journal: {match: {_SYSTEMD_UNIT: nothing.service}}
  register: nothing
- journal: {unit: talker, grep: no such thing}
  register: nothing_found
- debug: {msg: !expr "{'all': all.messages, 'bad': bad.entries, 'other': other.entries, 'nothing': nothing.count + nothing_found.count}"}
`;
    const { tasks: done } = await runTasks(tasks.trim(), { hosts: [host], check: true });
    expect(done.map(({ status, message }) => (status === "ok" ? status : message))).toEqual(
      Array(6).fill("ok"),
    );
    const found = JSON.parse(done[5]?.message ?? "") as {
      all: string[];
      bad: object[];
      other: object[];
      nothing: number;
    };
    expect(found.all).toEqual(expect.arrayContaining(['a bad ü "thing"', "fine"]));
    expect(found.bad).toEqual([
      expect.objectContaining({ message: 'a bad ü "thing"', priority: "err", unit: "talker.service" }),
    ]);
    expect(found.other.at(-1)).toMatchObject({
      message: "watch out",
      identifier: "other",
      priority: "warning",
      fields: { _UID: "0" },
    });
    expect(found.nothing).toBe(0);
  });

  test("journal says so when its words are none of journalctl's, instead of finding nothing", async () => {
    const { tasks: done } = await runTasks("- journal: {since: yesteryear}", { hosts: [host] });
    expect(done[0]).toMatchObject({ status: "failed" });
    expect(done[0]?.message).toContain("yesteryear");
  });

  test("certificates are told from files and from servers that are running; too short a time is a failure", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
    await runTasks(
      "- tls_certificate: {ca_directory: pki, key_path: /srv/tls.key, cert_path: /srv/tls.crt, common_name: unit.test, subject_alt_names: [unit.test, 127.0.0.1, 'fd00::1'], days: 40}",
      { hosts: [host] },
      folder,
    );
    await onHost(
      host,
      "systemd-run --quiet --unit=tlsserver --collect openssl s_server -accept 4433 -cert /srv/tls.crt -key /srv/tls.key -quiet; until ss -ltn | grep -q :4433; do sleep 0.1; done",
    );
    const tasks = `
- x509_certificate_info: {path: /srv/tls.crt, valid_at: {soon: +1w, late: +8w}}
  register: file
- get_certificate: {host: 127.0.0.1, port: 4433, ca_cert: pki/ca.crt, min_days_left: 30}
  register: live
- x509_certificate_info: {path: /srv/tls.crt, min_days_left: 60}
  ignore_errors: true
- get_certificate: {host: 127.0.0.1, port: 4433, min_days_left: 60}
  ignore_errors: true
- get_certificate: {host: 127.0.0.1, port: 4433, server_name: other.test, ca_cert: pki/ca.crt}
  ignore_errors: true
- get_certificate: {host: 127.0.0.1, port: 22, starttls: postgresql, timeout: 2}
  ignore_errors: true
- x509_certificate_info: {path: /etc/hostname}
  ignore_errors: true
- tls_expiry: {paths: [/srv/tls.crt], warn_days: 60, fail_days: 30}
  register: expiry
- tls_expiry: {paths: [/srv/tls.crt, /etc/hostname], warn_days: 60, fail_days: 50}
  ignore_errors: true
- tls_expiry: {paths: [/srv/tls.crt], warn_days: 60, fail_days: 50}
  ignore_errors: true
- debug: {msg: !expr "{'file': file, 'live': live, 'expiry': expiry}"}
`;
    const checked = await runTasks(tasks.trim(), { hosts: [host], check: true }, folder);
    const { tasks: done, events } = await runTasks(tasks.trim(), { hosts: [host] }, folder);
    await onHost(host, "systemctl stop tlsserver; rm /srv/tls.*");
    const failing = Array(5).fill("ignored");
    expect(done.map(({ status }) => status)).toEqual([
      ...["ok", "ok"],
      ...failing,
      ...["ok", "ignored", "ignored", "ok"],
    ]);
    expect(checked.tasks.map(({ status }) => status)).toEqual(done.map(({ status }) => status));
    const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
    expect(warnings).toEqual([expect.stringMatching(/\/srv\/tls\.crt .* is valid for (39|40) days more/)]);
    expect(done[8]?.message).toContain("there is no certificate in /etc/hostname");
    expect(done[9]?.message).toMatch(/valid for (39|40) days more: fewer than 50/);
    expect(done[2]?.message).toMatch(/valid for (39|40) days only/);
    expect(done[3]?.message).toMatch(/valid for (39|40) days only/);
    expect(done[4]?.message).toContain("it is not for other.test");
    expect(done[5]?.message).toContain("shows no certificate");
    expect(done[6]?.message).toContain("is no certificate");
    const found = JSON.parse(done[10]?.message ?? "") as Record<string, Record<string, unknown>>;
    expect(found["expiry"]).toMatchObject({
      days_left: expect.toSatisfy((days: number) => days === 39 || days === 40),
      certificates: [expect.objectContaining({ path: "/srv/tls.crt" })],
    });
    expect(found["file"]).toMatchObject({
      subject: { commonName: "unit.test" },
      subject_alt_name: ["DNS:unit.test", "IP:127.0.0.1", "IP:fd00::1"],
      expired: false,
      valid_at: { soon: true, late: false },
      public_key_type: "ECC",
      is_ca: false,
    });
    expect(found["live"]).toMatchObject({ verified: true, serial_number: found["file"]?.["serial_number"] });
  });
});
