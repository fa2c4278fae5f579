import { writeFile } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { settingNames } from "../../../src/pgbouncer/settings.ts";
import { describeFromKnownState } from "../known-state.ts";
import { alsoHost, asInstalled, cutPower, giveBackPower, labHost, onHost } from "../lab-hosts.ts";
import { openTunnel } from "../pooler-load.ts";
import { acceptance } from "./acceptance.ts";
import { applicationClient } from "./application-client.ts";
import { applicationDatabase } from "./application-database.ts";
import { certificates } from "./certificates.ts";
import { configuration } from "./configuration.ts";
import { firewall } from "./firewall.ts";
import { hardening } from "./hardening.ts";
import { severalInstances } from "./instances.ts";
import { ipv6 } from "./ipv6.ts";
import { logFile } from "./log-file.ts";
import { logins } from "./logins.ts";
import {
  applyPlaybook,
  authorityOf,
  mainJobInventory,
  type Provisioned,
  type ProvisionOptions,
  passwordOf,
  provisionFrom,
  told,
} from "./provision.ts";
import { reloadBetweenLogins } from "./reload-between-logins.ts";
import { transaction } from "./transaction.ts";
import { userlistEntries } from "./userlist-entries.ts";

/** The playbook as it ships, with the example's group_vars, on fresh hosts. What stands below `main-job/` goes on with what the first tests here have made. */
let folder = "";
let isProvisioned = false;

const begin = async (): Promise<void> => {
  await asInstalled();
  folder = await mainJobInventory();
};
const provision = (options?: ProvisionOptions) => provisionFrom(folder, options);
const provisionAll = async (): Promise<Provisioned> => {
  const done = await provision();
  expect(told(done.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
  expect(done.finished.outcome).toBe("ok");
  isProvisioned = true;
  return done;
};

// A replica of another release.
beforeAll(() => alsoHost({ name: "db3", release: "trixie" }));
beforeAll(begin);

describe("the main job", () => {
  test("check mode on fresh hosts touches nothing and fails nowhere", async () => {
    const { tasks } = await provision({ check: true, limit: "db1:pool1:pool2" });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(await onHost("pool1", "ls /etc/pgbouncer 2>/dev/null; ls /var/lib/plumb 2>/dev/null; true")).toBe(
      "",
    );
  });

  test("the first run provisions all hosts, and queries go through both poolers", async () => {
    const { tasks } = await provisionAll();
    const queries = tasks.filter(({ task }) => task.module === "pg_query");
    expect(queries.map(({ host, data }) => [host, data?.["tls"]]).sort()).toEqual([
      ["app1", "TLSv1.3"],
      ["app1", "TLSv1.3"],
      ["pool1", "TLSv1.3"],
      ["pool2", "TLSv1.3"],
    ]);
  }, 300_000);

  test("the second run changes nothing, in three round trips at most", async () => {
    const { finished, not } = await provision();
    expect(told(not("ok"))).toEqual([]);
    for (const { host, counters } of finished.hosts)
      expect(`${host} ${(counters?.roundTrips ?? 99) <= 3}`).toBe(`${host} true`);
  });

  test("no password stands in anything that was told", async () => {
    const { events } = await provision({ check: true });
    for (const name of ["app", "pgb_admin", "pgb_auth"]) {
      expect(JSON.stringify(events)).not.toContain(await passwordOf(folder, name));
    }
  });

  test("the defaults are a careful DBA's: who asks for passwords may do nothing else, and both releases listen at one address", async () => {
    const asked = `select rolsuper, pg_has_role('pgb_auth', 'pg_read_all_data', 'member'), has_table_privilege('pgb_auth', 'pg_shadow', 'select') from pg_roles where rolname = 'pgb_auth' union all select prosecdef, r.rolsuper, r.rolcanlogin from pg_proc join pg_roles r on r.oid = proowner where proname = 'get_auth'`;
    expect(await onHost("db1", `cd /; runuser -u postgres -- psql -XAtd app -c "${asked}"`)).toBe(
      "f|f|f\nt|f|f\n",
    );
    const look =
      "systemctl show -p Type --value pgbouncer; ss -ltnH 'sport = :6432' | awk '{ print $4 }'; grep -E '^max_prepared_statements' /etc/pgbouncer/pgbouncer.ini || true";
    expect(await onHost("pool1", look)).toBe(`notify\n${labHost("pool1").address}:6432\n`);
    expect(await onHost("pool2", look)).toBe(
      `notify\n${labHost("pool2").address}:6432\nmax_prepared_statements = 200\n`,
    );
  });

  test.each(["pool1", "pool2"])("the unit on %s scores 1.1 or better", async (host) => {
    const said = await onHost(host, "systemd-analyze security pgbouncer --no-pager | tail -n 1");
    expect(Number(/(\d+\.\d+)/.exec(said)?.[1])).toBeLessThanOrEqual(1.1);
  });

  test.each([
    ["pool1", "1.18"],
    ["pool2", "1.24"],
  ])("the catalogue has exactly the settings that PgBouncer on %s shows", async (host, version) => {
    const file = path.join(folder, "show.yml");
    await writeFile(
      file,
      `- hosts: ${host}
  tasks:
    - pgbouncer_admin:
        command: SHOW CONFIG
        host: "{{ ansible_host }}"
        user: pgb_admin
        password: "{{ pgbouncer_admin_password }}"
        ca_file: "{{ tls_ca_directory }}/ca.crt"
        server_name: "{{ inventory_hostname }}"
`,
    );
    const { tasks } = await provision({ playbook: file });
    const rows = tasks[0]?.data?.["rows"] as { key: string }[];
    expect(rows.map(({ key }) => key).sort()).toEqual(settingNames("pgbouncer", version).sort());
  });

  test.each(["pool1", "pool2"])(
    "on %s plain text, the console from elsewhere and other hosts are refused",
    async (host) => {
      const address = labHost(host).address;
      await expect(onHost("db1", `timeout 2 bash -c '</dev/tcp/${address}/6432'`)).rejects.toThrow();
      // Nor by PgBouncer itself, should the firewall have a hole.
      const hole = `inet plumb input ip saddr ${labHost("db1").address} accept`;
      const handle = (await onHost(host, `nft -e -a insert rule ${hole}`)).match(/handle \d+/)?.[0];
      const asked = `PGPASSWORD=${await passwordOf(folder, "app")} psql -XAtqc 'select 1' "host=${address} port=6432 user=app dbname=app sslmode=require" 2>&1 || true`;
      const answer = await onHost("db1", asked);
      await onHost(host, `nft delete rule inet plumb input ${handle}`);
      expect(answer).toMatch(/login rejected|no authentication method/);
      const tunnel = await openTunnel("app1", address, 6432);
      const safe = { ca: await authorityOf(folder), servername: host };
      const login = async (user: string, database: string, ssl: typeof safe | false): Promise<void> => {
        const password = await passwordOf(folder, user);
        const client = new pg.Client({
          ...{ host: "127.0.0.1", port: tunnel.port, user, database, password, ssl },
        });
        client.on("error", () => undefined);
        await client.connect();
        await client.end();
      };
      try {
        await login("app", "app", safe);
        await expect(login("app", "app", false)).rejects.toThrow(/SSL|TLS/i);
        // The right password, and the right way but for the place.
        await expect(login("pgb_admin", "pgbouncer", safe)).rejects.toThrow(
          /reject|no authentication|HBA|login/i,
        );
      } finally {
        tunnel.process.kill();
      }
    },
  );

  test("a new pool size is reloaded without a restart; what only a restart applies is one, on both releases", async () => {
    const poolers = ["pool1", "pool2"];
    const processes = (): Promise<string[]> =>
      Promise.all(poolers.map((host) => onHost(host, "systemctl show -p MainPID --value pgbouncer")));
    const each = (...messages: string[]) =>
      poolers.flatMap((host) =>
        messages.map((message) => expect.stringMatching(new RegExp(`^${host} .*${message}`))),
      );
    const poolersWith = async (extra: string[]): Promise<string[]> =>
      told((await provision({ limit: "poolers", extra })).not("ok")).sort();
    const before = await processes();
    // Clients that do not trust the certificate are no complaint about the configuration.
    const knocks = onHost(
      "pool1",
      `until [ -e /run/knocked ]; do openssl s_client -starttls postgres -verify_return_error -connect ${labHost("pool1").address}:6432 </dev/null >/dev/null 2>&1; done; rm /run/knocked; journalctl -q -o cat -p warning -u pgbouncer -n 20`,
    );
    const size = await poolersWith(["{pgbouncer_default_pool_size: 12}"]);
    await onHost("pool1", "touch /run/knocked");
    expect(await knocks).toContain("TLS handshake error");
    expect(size).toEqual(each("a RELOAD applies it", "apply the pgbouncer configuration: reloaded"));
    expect(await processes()).toEqual(before);
    // SHOW CONFIG calls stats_period changeable, and it is not.
    const settings = "{listen_backlog: 256, pkt_buf: 8192, stats_period: 30}";
    const restarted = each(
      "needs a restart: listen_backlog, pkt_buf, stats_period",
      "restarted for listen_backlog, pkt_buf, stats_period",
    );
    expect(await poolersWith([`{pgbouncer_default_pool_size: 12, pgbouncer_settings: ${settings}}`])).toEqual(
      restarted,
    );
    const after = await processes();
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    // Taken out of the file they return to their defaults, and a RELOAD would not say that they did not.
    expect(await poolersWith([])).toEqual(restarted);
    expect((await processes()).filter((pid) => after.includes(pid))).toEqual([]);
  });

  test("a reload that was silently ignored is a failure, on both releases", async () => {
    const file = await applyPlaybook(folder, "poolers");
    const poolers = ["pool1", "pool2"];
    // PgBouncer answers RELOAD, and goes on with what it had.
    const ini = "/etc/pgbouncer/pgbouncer.ini";
    const breakIt = `cp -p ${ini} /run/kept.ini; sed -i 's/^server_lifetime = .*/server_lifetime = 30s/' ${ini}`;
    await Promise.all(poolers.map((host) => onHost(host, breakIt)));
    const { tasks } = await provision({ playbook: file });
    await Promise.all(poolers.map((host) => onHost(host, `mv /run/kept.ini ${ini}`)));
    expect(told(tasks).sort()).toEqual(
      poolers.map((host) =>
        expect.stringMatching(
          `^${host} failed pgbouncer_admin: PgBouncer was reloaded and (complains|still has)`,
        ),
      ),
    );
    const whole = (await provision({ playbook: file })).tasks;
    expect(whole.map(({ status, message }) => `${status} ${message}`)).toEqual(
      poolers.map(() => "changed reloaded"),
    );
  });

  test.each([
    [
      "an unknown setting",
      "{pgbouncer_settings: {pool_mod: session}}",
      "did you mean `pool_mode`?|has no setting `pool_mod`",
    ],
    ["a unit", "{pgbouncer_settings: {server_lifetime: 30s}}", "without unit"],
    [
      "too many connections",
      "{pgbouncer_default_pool_size: 90}",
      "leaves 92 .*default_pool_size 33 would fit",
    ],
    [
      "the reserved name",
      "{pgbouncer_databases: {pgbouncer: {host: 127.0.0.1}}, pgbouncer_health_database: app}",
      "reserved for the admin console",
    ],
    ["trust", "{pgbouncer_settings: {auth_type: trust}}", "lets everybody in"],
    ["more processes than there can be", "{pgbouncer_instances: 17}", "it can be 1 to 16"],
  ])("%s is refused before anything is written", async (_what, extra, message) => {
    const before = await onHost("pool1", "sha256sum /etc/pgbouncer/pgbouncer.ini");
    const { tasks } = await provision({ limit: "pool1", extra: [extra] });
    const failed = tasks.filter(({ status }) => status === "failed");
    expect(failed.map((task) => task.message).join()).toMatch(new RegExp(message));
    expect(await onHost("pool1", "sha256sum /etc/pgbouncer/pgbouncer.ini")).toBe(before);
  });

  test("hosts have the version of the package that the inventory names, or the run says that there is none", async () => {
    const installed = (await onHost("pool2", "dpkg-query -Wf '${Version}' pgbouncer")).trim();
    const run = (version: string) =>
      provision({ limit: "pool2", extra: [JSON.stringify({ pgbouncer_version: version })] });
    expect(told((await run(installed)).not("ok"))).toEqual([]);
    const { tasks } = await run("9.9-1");
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([
      expect.stringMatching(/^pool2 failed The pooler, not started before it is configured: .*9\.9-1/),
    ]);
    expect((await onHost("pool2", "dpkg-query -Wf '${Version}' pgbouncer")).trim()).toBe(installed);
  });

  test("what only the host's own PgBouncer can tell is found by it before its file is replaced, on both releases", async () => {
    const look = "sha256sum /etc/pgbouncer/pgbouncer.ini; systemctl show -p MainPID --value pgbouncer";
    const before = await Promise.all(["pool1", "pool2"].map((host) => onHost(host, look)));
    const { tasks } = await provision({
      limit: "poolers",
      extra: ["{pgbouncer_settings: {client_tls_ciphers: NO-SUCH-CIPHER}}"],
    });
    const failed = tasks.filter(({ status }) => status === "failed");
    expect(failed.map(({ host, task }) => `${host} ${task.module}`).sort()).toEqual([
      "pool1 pgbouncer_ini",
      "pool2 pgbouncer_ini",
    ]);
    expect(failed.map(({ message }) => message).join()).toMatch(/cipher/i);
    expect(await Promise.all(["pool1", "pool2"].map((host) => onHost(host, look)))).toEqual(before);
  });

  test("a setting that PostgreSQL does not take fails the run, and it goes on with what it had", async () => {
    const postgresql = (settings: Record<string, string>) =>
      provision({ limit: "db1", extra: [JSON.stringify({ postgresql_settings: settings })] });
    const { tasks } = await postgresql({ work_mem: "much", geqo_seed: "0.5" });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([
      expect.stringMatching(
        /^db1 failed find settings that are not taken: .*plumb\.conf:\d+: work_mem = much: /s,
      ),
    ]);
    const shown = "cd /; runuser -u postgres -- psql -XAtqc 'show work_mem'";
    expect(await onHost("db1", shown)).toBe("4MB\n");
    expect(told((await postgresql({})).tasks.filter(({ status }) => status === "failed"))).toEqual([]);
  });

  test("a setting that the version lacks is refused on Debian 12 and taken on Debian 13", async () => {
    const { tasks } = await provision({
      check: true,
      limit: "poolers",
      extra: ["{pgbouncer_settings: {max_prepared_statements: 100}}"],
    });
    const ini = tasks
      .filter(({ task }) => ["pgbouncer_check", "pgbouncer_ini"].includes(task.module))
      .map(({ host, status }) => `${host} ${status}`);
    expect(ini.sort()).toEqual(["pool1 failed", "pool2 ok", "pool2 would-change"]);
  });

  test("a host whose power is cut comes back as it was: service, firewall and certificates", async () => {
    await cutPower(["pool1"]);
    await giveBackPower(["pool1"]);
    expect(told((await provision()).not("ok"))).toEqual([]);
  });

  test("drift made by hand is named exactly, and mended", async () => {
    await onHost(
      "pool1",
      `sed -i 's/^default_pool_size = .*/default_pool_size = 3/' /etc/pgbouncer/pgbouncer.ini; chmod 0666 /etc/pgbouncer/pg_hba.conf; systemctl stop pgbouncer; chmod 0644 /etc/pgbouncer/tls/server.key; nft flush chain inet plumb input; nft add rule inet plumb input accept`,
    );
    const found = (await provision({ check: true })).not("ok");
    const named = found.filter(({ status }) => status !== "unknown");
    expect(named.map(({ host, status, task }) => `${host} ${status} ${task.module}`).sort()).toEqual([
      "pool1 would-change nftables",
      "pool1 would-change pgbouncer_hba",
      "pool1 would-change pgbouncer_ini",
      "pool1 would-change systemd",
      "pool1 would-change tls_certificate",
    ]);
    // Questions whose answer depends on what would be changed.
    const notAsked = found.filter(({ status }) => status === "unknown").map(({ task }) => task.module);
    expect([...new Set(notAsked)].sort()).toEqual(["pg_query", "pgbouncer_capacity"]);
    await provision();
    expect(told((await provision()).not("ok"))).toEqual([]);
  });
});

/** The hosts as the first tests leave them. */
function group(title: string, tests: (folder: () => string) => void): void {
  const bring = async (): Promise<void> => {
    await begin();
    await provisionAll();
  };
  describeFromKnownState(
    title,
    () => tests(() => folder),
    bring,
    () => isProvisioned,
  );
}

group("several instances on a host", severalInstances);
group("the configuration", configuration);
group("a log file", logFile);
group("reloads", reloadBetweenLogins);
group("certificates", certificates);
group("transactions", transaction);
group("logins", logins);
group("entries of a userlist", userlistEntries);
group("the firewall", firewall);
group("IPv6", ipv6);
group("hardening", hardening);
group("the application's side: the client", applicationClient);
group("the application's side: where its database is", applicationDatabase);
group("the acceptance", acceptance);
