import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { freshDisks, labHost, onHost } from "../lab-hosts.ts";
import { consoleRows } from "../pooler-health.ts";
import { openTunnel, startLoad } from "../pooler-load.ts";
import { type GivenCertificates, givenCertificates, givenEverywhere } from "./given-certificates.ts";
import { operationsWithGiven } from "./given-operations.ts";
import {
  authorityOf,
  inventoryOf,
  type Provisioned,
  type ProvisionOptions,
  passwordOf,
  provisionFrom,
  told,
} from "./provision.ts";

type Row = Record<string, string>;

/** Profiles, pools, replicas, limits of users, where passwords are asked for, and another PostgreSQL: as written, and as the running process has it. */
export function configuration(folder: () => string): void {
  const asked = "the-password-of-asked";
  const sql = (host: string, version: string, statement: string, port = 5432): Promise<string> =>
    onHost(
      host,
      `cd /; runuser -u postgres -- /usr/lib/postgresql/${version}/bin/psql -p ${port} -XAtqc "${statement}"`,
    );

  afterAll(async () => {
    await sql("db1", "15", "drop database if exists second with (force)");
    await sql("db1", "15", "drop role if exists asked");
    await freshDisks(["mon1"]);
    await provisionFrom(folder());
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
  });

  test("PostgreSQL 17 on Debian 13, and on Debian 12 a database without the function: passwords are asked for elsewhere", async () => {
    const databases = {
      postgresql_databases: [
        { name: "app", owner: "app" },
        { name: "second", owner: "app" },
      ],
    };
    const extra = [JSON.stringify({ ...databases, postgresql_auth_databases: ["app"] })];
    const options = { inventory: "two-servers.yml", limit: "postgresql", extra };
    const { tasks } = await provisionFrom(folder(), options);
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await provisionFrom(folder(), options)).not("ok"))).toEqual([]);
    expect(await sql("mon1", "17", "show server_version_num")).toMatch(/^17/);
    for (const [host, version] of [
      ["db1", "15"],
      ["mon1", "17"],
    ] as const) {
      const functions = (database: string): Promise<string> =>
        onHost(
          host,
          `cd /; runuser -u postgres -- /usr/lib/postgresql/${version}/bin/psql -XAtqd ${database} -c "select count(*) from pg_proc where proname = 'get_auth'"`,
        );
      expect([await functions("app"), await functions("second")]).toEqual(["1\n", "0\n"]);
    }
    await sql("db1", "15", `create role asked login password '${asked}'`);
    const verifier = await sql("db1", "15", "select rolpassword from pg_authid where rolname = 'asked'");
    await onHost(
      "mon1",
      `cd /; runuser -u postgres -- /usr/lib/postgresql/17/bin/psql -qc 'create role asked login password '"'"'${verifier.trim()}'"'"`,
    );
  });

  test.each([
    ["pool1", "low_latency"],
    ["pool2", "high_throughput"],
  ] as const)(
    "on %s the profile %s, pools, replicas and limits of users are what the process runs with",
    runsWith,
  );

  async function runsWith(host: string, profile: string): Promise<void> {
    const isNew = host === "pool2";
    const server = { host: labHost("db1").address, port: 5432 };
    const databases: Record<string, Record<string, unknown>> = {
      app: { ...server, pool_size: 4, max_db_connections: 6 },
      app_ro: { ...server, dbname: "app", pool_size: 2, reserve_pool: 1, pool_mode: "session" },
    };
    if (isNew) {
      // A list of replicas; the second is PostgreSQL 17.
      databases["app_any"] = {
        host: `${labHost("db1").address},${labHost("mon1").address}`,
        dbname: "app",
        pool_size: 2,
        load_balance_hosts: "disable",
      };
      databases["seventeen"] = { host: labHost("mon1").address, dbname: "app", pool_size: 2 };
      databases["second"] = { ...server, pool_size: 2 };
    } else {
      for (const name of GONE) databases[name] = { host: AWAY, dbname: "app", pool_size: 1 };
    }
    const settings = {
      pgbouncer_profile: profile,
      pgbouncer_default_pool_size: 3,
      pgbouncer_reserve_pool_size: 1,
      pgbouncer_databases: databases,
      pgbouncer_copied_users: ["asked"],
      pgbouncer_users: { asked: { pool_mode: "session", max_user_connections: 3 } },
      // A server that is away can't be asked for its size.
      ...(isNew ? { pgbouncer_auth_dbname: "app" } : { pgbouncer_check_capacity: false }),
    };
    const options = { inventory: "two-servers.yml", limit: host, extra: [JSON.stringify(settings)] };
    const { tasks } = await provisionFrom(folder(), options);
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await provisionFrom(folder(), options)).not("ok"))).toEqual([]);

    const config = new Map((await consoleRows(host, "CONFIG")).map((row) => [row["key"], row["value"]]));
    const expected = isNew
      ? {
          max_client_conn: "2000",
          query_wait_timeout: "30",
          server_idle_timeout: "600",
          listen_backlog: "1024",
          pkt_buf: "8192",
        }
      : {
          max_client_conn: "500",
          query_wait_timeout: "5",
          server_idle_timeout: "300",
          min_pool_size: "5",
          reserve_pool_timeout: "1",
          server_connect_timeout: "5",
        };
    for (const [name, value] of Object.entries({
      ...expected,
      default_pool_size: "3",
      reserve_pool_size: "1",
    }))
      expect(`${name} ${config.get(name)}`).toBe(`${name} ${value}`);

    const named = (rows: readonly Row[], name: string): Row => rows.find((row) => row["name"] === name) ?? {};
    const shown = await consoleRows(host, "DATABASES");
    expect(named(shown, "app")).toMatchObject({ ...strings(server), pool_size: "4", max_connections: "6" });
    const reserve = isNew ? "reserve_pool_size" : "reserve_pool";
    expect(named(shown, "app_ro")).toMatchObject({
      database: "app",
      pool_size: "2",
      [reserve]: "1",
      pool_mode: "session",
    });
    if (isNew) expect(named(shown, "app_any")).toMatchObject({ load_balance_hosts: "disable" });

    const user = named(await consoleRows(host, "USERS"), "asked");
    expect(user).toMatchObject({ pool_mode: "session", ...(isNew ? { max_user_connections: "3" } : {}) });
    // 1.18 does not show the limit; it keeps to it.
    expect(await answered(folder(), host, { user: "asked", password: asked }, 6)).toBe(3);
    if (isNew) {
      const login = (user: string, password: string, database: string): Promise<string> =>
        ask(host, { user, password, database }, "select current_database()");
      // Its password is asked for in another database: this one has no function.
      expect(await login("app", await passwordOf(folder(), "app"), "second")).toBe("second\n");
      // The verifier that it has on the first server is the one that it has on the other.
      expect(await login("asked", asked, "seventeen")).toBe("app\n");
    }
  }

  test("databases whose server is away keep nobody from logging in to the others (1.18, which asks for passwords in each)", async () => {
    const host = "pool1";
    const knocks = GONE.map(
      (name) =>
        `PGCONNECT_TIMEOUT=10 psql -Xc 'select 1' 'host=${labHost(host).address} port=6432 user=app password=x dbname=${name} sslmode=require' >/dev/null 2>&1 &`,
    );
    await onHost(
      host,
      `nft 'add table ip away; add chain ip away out { type filter hook output priority 0; }; add rule ip away out ip daddr ${AWAY} drop'; ${knocks.join(" ")} true`,
    );
    const login = { user: "app", password: await passwordOf(folder(), "app"), database: "app" };
    // All of them hang; each would hold one of the connections by which passwords are asked for.
    const hanging = async (): Promise<number> =>
      (await consoleRows(host, "POOLS")).filter((row) => row["sv_login"] === "1").length;
    await expect.poll(hanging).toBe(GONE.length);
    for (let count = 0; count < 3; count++) expect(await ask(host, login, "select 1")).toBe("1\n");
    await onHost(host, "nft delete table ip away");
  });

  test.each(["pool1", "pool2"])("on %s there are descriptors for more than what load needs", async (host) => {
    const said = await onHost(
      host,
      "journalctl -q -o cat -u pgbouncer | grep 'max expected fd use' | tail -n 1; ls /proc/$(systemctl show -p MainPID --value pgbouncer)/fd | wc -l",
    );
    const [, limit, expected, before] =
      /limit: (\d+)[^\n]*max expected fd use: (\d+)\n(\d+)/.exec(said)?.map(Number) ?? [];
    // PgBouncer reckons without the reserve: max_client_conn, each pool for each user of the userlist, and ten.
    expect(limit).toBeGreaterThanOrEqual((expected ?? Number.NaN) + 100);
    const count = 40;
    const login = { user: "app", password: await passwordOf(folder(), "app") };
    const { end } = await openSessions(folder(), host, login, count);
    const [during, servers] = await Promise.all([
      onHost(host, "ls /proc/$(systemctl show -p MainPID --value pgbouncer)/fd | wc -l"),
      consoleRows(host, "SERVERS"),
    ]);
    await end();
    // One for each client and each server, and less than twenty besides.
    const besides = Number(during) - count - servers.length;
    expect(besides).toBeGreaterThan(0);
    expect(besides).toBeLessThan(20);
    expect(before).toBeLessThan(40);
  });

  test("PostgreSQL 17 is replicated too, and asked by poolers of two processes each, at other ports and with given certificates on all sides: those of another authority follow, and a replica takes the primary's place, both under load without an error, and the old one follows", async () => {
    const inventory = "seventeen.yml";
    const hosts = ["mon1", "db3", "pool1", "pool2"];
    let certificates = await givenCertificates(folder(), hosts);
    let databases: Record<string, unknown> = {};
    let isReplicated = false;
    const play = async (name: string, options: ProvisionOptions = {}): Promise<Provisioned> => {
      const pools = { pgbouncer_databases: databases, pgbouncer_default_pool_size: 5 };
      const done = await provisionFrom(folder(), {
        inventory,
        playbook: `playbooks/${name}.yml`,
        ...options,
        extra: [JSON.stringify(pools), ...(options.extra ?? [])],
      });
      expect(told(done.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
      return done;
    };
    const authority = (): string => path.join(certificates.directory, "ca.crt");
    /** @param trusted besides the authority that the certificates come from. */
    const replicated = (primary: string, replica: string, trusted = authority()): Promise<void> => {
      const at = (host: string) => ({ host: labHost(host).address, port: 5433, dbname: "app" });
      // Whoever reads asks db3 all the time.
      databases = { app: at(primary), ...(isReplicated ? { app_ro: at("db3") } : {}) };
      return writeFile(
        path.join(folder(), inventory),
        inventoryOf([primary], {
          groups: { postgresql_replicas: [replica] },
          variables: {
            // Another user has been made there.
            pgbouncer_capacity_users: ["app"],
            postgresql_port: 5433,
            pgbouncer_listen_port: 6433,
            pgbouncer_health_port: 9128,
            pgbouncer_instances: 2,
            pgbouncer_reserve_pool_size: 1,
            ...givenEverywhere(certificates),
            tls_ca_file: trusted,
          },
        }),
      );
    };
    await replicated("mon1", "db3");
    await play("pgbouncer");
    await play("replication");
    expect(told((await play("replication")).not("ok"))).toEqual([]);
    // A server that is not there yet can't be asked for its size.
    isReplicated = true;
    await replicated("mon1", "db3");
    await play("pgbouncer", { limit: "poolers" });
    const read = (file: string): Promise<string> => readFile(file, "utf8");
    let trusted = await read(authority());
    const pairOf = async ({ client }: GivenCertificates) => ({
      cert: await read(`${client}.crt`),
      key: await read(`${client}.key`),
    });
    // What clients show; both at once.
    let shown = await pairOf(certificates);
    const underLoad = async (databases: readonly string[], act: () => Promise<unknown>): Promise<void> => {
      const password = await passwordOf(folder(), "app");
      const loads = await Promise.all(
        ["pool1", "pool2"].flatMap((to) =>
          databases.map((database) =>
            startLoad({
              ...{ from: "app1", to, port: 6433, database, staying: 3, comingAndGoing: 1 },
              credentials: async () => ({ user: "app", password, ca: trusted, ...shown }),
            }),
          ),
        ),
      );
      try {
        await act();
      } finally {
        await Promise.all(loads.map(({ stop }) => stop()));
      }
      for (const { stop } of loads) {
        const { errors, queries } = await stop();
        expect([...new Set(errors)]).toEqual([]);
        expect(queries).toBeGreaterThan(20);
      }
    };
    await underLoad(["app", "app_ro"], async () => {
      const next = await givenCertificates(folder(), hosts);
      trusted += await read(path.join(next.directory, "ca.crt"));
      const both = path.join(folder(), "both.crt");
      await writeFile(both, trusted);
      // Poolers show theirs to the replica too: it trusts both before they do.
      await replicated("mon1", "db3", both);
      await play("replication");
      certificates = next;
      await replicated("mon1", "db3", both);
      for (const name of ["pgbouncer", "replication"]) await play(name);
      shown = await pairOf(next);
      await replicated("mon1", "db3");
      for (const name of ["pgbouncer", "replication"]) await play(name);
    });
    for (const host of hosts) {
      const folderThere = host.startsWith("pool") ? "/etc/pgbouncer/tls" : "/etc/postgresql/tls";
      expect(await onHost(host, `cat ${folderThere}/ca.crt`)).toBe(await read(authority()));
    }
    await underLoad(["app"], () => play("failover"));
    await replicated("db3", "mon1");
    expect(told((await play("pgbouncer", { limit: "poolers" })).not("ok"))).toEqual([]);
    // It was stopped in order: no copy is needed.
    expect(told((await play("replication")).not("ok")).join()).not.toContain("A copy of the primary");
    expect(await sql("mon1", "17", "select pg_is_in_recovery()", 5433)).toBe("t\n");
    // Of another major version it can't be one, and nothing is touched.
    const other = await provisionFrom(folder(), {
      ...{ inventory, playbook: "playbooks/replication.yml", limit: "mon1" },
      extra: ["{postgresql_version: '15'}"],
    });
    expect(told(other.not("ok"))).toEqual([
      expect.stringMatching(
        /^mon1 failed The same as this one will be: the primary is PostgreSQL 17, and this host would have 15/,
      ),
    ]);
    await operationsWithGiven(play, certificates);
  }, 300_000);
}

/** Nobody's (RFC 5737). */
const AWAY = "192.0.2.1";
const GONE = ["gone1", "gone2", "gone3", "gone4"] as const;

const strings = (values: Record<string, unknown>): Row =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** psql on the pooler itself, which has it for its health endpoint. */
function ask(
  host: string,
  { user, password, database }: { user: string; password: string; database: string },
  query: string,
): Promise<string> {
  return onHost(
    host,
    `PGPASSWORD=${password} PGCONNECT_TIMEOUT=5 psql -XAtqc "${query}" "host=${labHost(host).address} port=6432 user=${user} dbname=${database} sslmode=require" 2>&1`,
  );
}

interface Login {
  user: string;
  password: string;
}

/** Opens so many sessions at once, each with a transaction, and counts those that get an answer before somebody else leaves. */
async function answered(folder: string, host: string, login: Login, count: number): Promise<number> {
  const { clients, end } = await openSessions(folder, host, login, count);
  try {
    let count = 0;
    for (const client of clients)
      void client.query("begin").then(
        () => count++,
        () => undefined,
      );
    // Until nobody more has got one for a while.
    for (let last = 0; count === 0 || last !== count; await wait(2000)) last = count;
    return count;
  } finally {
    await end();
  }
}

/** Idle sessions, and what ends them. */
async function openSessions(
  folder: string,
  host: string,
  login: Login,
  count: number,
): Promise<{ clients: pg.Client[]; end: () => Promise<void> }> {
  const tunnel = await openTunnel("app1", labHost(host).address, 6432);
  const ca = await authorityOf(folder);
  const clients = await Promise.all(
    Array.from({ length: count }, async () => {
      const client = new pg.Client({
        ...{ host: "127.0.0.1", port: tunnel.port, database: "app", ...login },
        ssl: { ca, servername: host },
      });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    }),
  );
  return {
    clients,
    end: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      tunnel.process.kill();
    },
  };
}
