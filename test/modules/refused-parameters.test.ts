import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { z } from "zod";
import { loadModule } from "../../src/modules/catalogue.ts";

/** What a module says of parameters that do not fit, before any host is touched. */
async function refusals(module: string, yaml: string): Promise<string[]> {
  const { params } = await loadModule(module);
  const result = (params as z.ZodType).safeParse(parse(yaml));
  return result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).sort();
}

describe.each([
  [
    "apt_key",
    "{id: ABCD1234, url: https://example.org/key.asc}",
    [/^id must be the fingerprint/, /^url is not taken.*role's `files\/`/],
  ],
  ["apt_key", "{data: x}", [/^keyring is needed.*\/etc\/apt\/keyrings\/NAME\.asc.*Signed-By/]],
  [
    "apt_key",
    "{data: x, keyring: /etc/apt/trusted.gpg.d/x.gpg}",
    [/^keyring can't be there.*every repository/, /./],
  ],
  ["apt_key", "{keyring: /etc/apt/keyrings/x.gpg}", [/^data give the key/]],
  ["cron", "{name: a, job: x, minute: 60}", [/^minute must be as in crontab.*0 to 59/]],
  ["cron", "{name: a, job: x, weekday: mo}", [/^weekday must be.*names such as mon/]],
  ["cron", "{name: a, job: x, minute: '*/0'}", [/^minute must be/]],
  ["cron", "{name: a, job: x, special_time: daily, hour: 3}", [/^special_time can't be with fields/]],
  ["cron", "{name: a, job: x, cron_file: backup.sh}", [/^cron_file must be.*cron ignores others/]],
  ["cron", "{name: a}", [/^job give/]],
  ["cron", "{name: 'a b', job: x, env: true}", [/^name must be the name of a variable/]],
  ["mount", "{path: /, state: absent}", [/^state can't be so for `\/`/]],
  ["mount", "{path: /srv, state: mounted}", [/^src give `src` and `fstype`/]],
  ["mount", "{path: /srv/, src: a, fstype: b, state: mounted}", [/^path must not end with a slash/]],
  ["filesystem", "{dev: /dev/vdb}", [/^fstype give/]],
  ["filesystem", "{dev: /dev/vdb, fstype: xfs, resizefs: true}", [/^resizefs works for ext2/]],
  ["swap", "{size: 2GB}", [/^size must be a number with K, M or G/]],
  ["systemd_timer", "{name: a.timer, command: x, on_calendar: daily}", [/^name must be without its ending/]],
  ["systemd_timer", "{name: a, command: x}", [/^on_calendar say when/]],
  ["modprobe", "{name: a, state: absent, persistent: present}", [/^persistent can't be `present`/]],
  ["pam_limits", "{domain: a, limit_type: '-', limit_item: nofile}", [/^value give/]],
  [
    "pam_limits",
    "{domain: a, limit_type: '-', limit_item: nofile, value: lots}",
    [/^value must be a number/],
  ],
  ["known_hosts", "{name: '*.example', key: ssh-ed25519 AAAA}", [/^name must be one host/]],
  ["known_hosts", "{name: a.example, key: nonsense}", [/^key must be public host keys/]],
  ["known_hosts", "{name: a.example}", [/^key give/]],
  ["debconf", "{name: a, question: a/b}", [/^value give the answer/]],
  ["getent", "{database: shadow}", [/^database can't be read: password hashes/]],
  ["timezone", "{name: Central European Time}", [/^name must be the name of a time zone/]],
  ["locale_gen", "{name: 'de_DE.UTF-8; reboot'}", [/^name must be a locale/]],
  ["acl", "{path: /a, state: present, etype: user, entity: a}", [/^permissions say what/]],
  ["acl", "{path: /a, state: absent, etype: other}", [/^entity is needed/]],
  [
    "acl",
    "{path: /a, state: present, etype: user, entity: a, permissions: rwX}",
    [/^permissions must be of r, w, x/],
  ],
  [
    "postgresql_user",
    "{name: a, role_attr_flags: CREATEDB}",
    [/^role_attr_flags is not taken.*createdb: true/],
  ],
  ["postgresql_user", "{name: a, priv: ALL}", [/^priv is not taken.*postgresql_query/]],
  ["postgresql_user", "{name: a, expires: tomorrow}", [/^expires must be a time/]],
  ["package", "{deb: https://example.org/a.deb}", [/^deb is a file on the host here: `get_url`/]],
  ["package", "{deb: a.deb}", [/^deb must be the absolute path/]],
  ["package", "{deb: /srv/a.deb, name: a}", [/^deb says which package/]],
  ["ufw", "{rule: allow, name: OpenSSH, port: 22}", [/^name says which ports/]],
  ["group", "{name: a, non_unique: true}", [/^non_unique is about a number/]],
  ["ini_file", "{path: /a, section: b, option: c, value: 1, values: [1]}", [/^values give either/]],
  ["apt_repository", "{repo: 'ppa:a/b'}", [/^repo must be the whole line/]],
  ["apt_repository", "{repo: 'deb https://a.example b main'}", [/^key give the signing key once/]],
  ["file", "{path: /a, modification_time: yesterday}", [/^modification_time must be `preserve`/]],
  ["file", "{path: /a, mode: rw-r--r--}", [/^mode /]],
  ["tls_certificate", "{key_path: /a, cert_path: /b}", [/^ca_directory say where/]],
  [
    "tls_certificate",
    "{key_path: /a, cert_path: /b, key_src: c, ca_directory: pki, common_name: x}",
    [/^cert_src `key_src` and `cert_src`/, /^key_src can't be with/],
  ],
  ["tls_ca", "{directory: pki, state: absent}", [/^dest give the file/]],
  ["file", "{path: /a, state: hard, src: b}", [/^src must be an absolute path/]],
  ["lvg", "{vg: a, pvs: /dev/a, state: active}", [/^state must be.*vgchange --activate/]],
  ["lvg", "{vg: a}", [/^pvs give the devices/]],
  ["lvg", "{vg: a, pvs: 'vdb', pesize: 4T}", [/^pesize must be a number with K/, /^pvs/]],
  ["postgresql_db", "{name: a, state: dump}", [/^state must be.*pg_dump/]],
  ["ufw", "{state: reset}", [/^state must be.*--force reset/]],
  ["nftables", "{rules: [{name: a}]}", [/^rules.0.ports tcp and udp need ports/]],
  ["nftables", "{rules: [{name: a, ports: [9-1]}]}", [/^rules.0.ports.0/]],
  ["nftables", "{rules: [{name: a, rule: x, verdict: drop}]}", [/^rules.0.rule says all of it/]],
  ["ufw_rules", "{rules: [{name: a, ports: [1], verdict: drop}]}", [/^rules.0.*verdict/]],
  [
    "pg_query",
    "{database: a, user: b, query: 'select %s', positional_args: []}",
    [/^query has more `%s` than/],
  ],
  ["dnf", "{name: '@development'}", [/^name must be the name of a package.*Groups/]],
] as const)("%s: %s", (module, yaml, expected) => {
  test("is refused, and the message says what to write", async () => {
    const found = await refusals(module, yaml);
    expect(found).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
  });
});
