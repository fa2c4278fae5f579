import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../packages/client/src/database.ts";
import { DatabaseError, SessionFeatureError } from "../../../packages/client/src/errors.ts";
import type { DatabaseOptions } from "../../../packages/client/src/options.ts";
import { labHost, onHost } from "../lab-hosts.ts";
import { consoleCommand } from "../pooler-health.ts";
import { openTunnel } from "../pooler-load.ts";
import { passwordOf } from "./provision.ts";

const POOLERS = [
  ["pool1", "1.18"],
  ["pool2", "1.24"],
] as const;

/** packages/client on real poolers that are stopped, paused, exhausted, restarted, and without their database. */
export function applicationClient(folder: () => string): void {
  const tunnels = new Map<string, Awaited<ReturnType<typeof openTunnel>>>();
  const opened: Database[] = [];

  beforeAll(async () => {
    for (const [pooler] of POOLERS)
      tunnels.set(pooler, await openTunnel("app1", labHost(pooler).address, 6432));
    await asSuperuser("create table if not exists application_log (id uuid, at timestamptz default now())");
    await asSuperuser("grant all on application_log to app");
  });

  afterAll(async () => {
    for (const database of opened) await database.close().catch(() => undefined);
    for (const tunnel of tunnels.values()) tunnel.process.kill();
    await asSuperuser("drop table if exists application_log");
  });

  /** Through app1, so that addresses and firewalls are those of an application. */
  async function open(pooler: string, options: Partial<DatabaseOptions> = {}): Promise<Database> {
    const version = POOLERS.find(([name]) => name === pooler)?.[1] ?? "1.18";
    const parameters = new URLSearchParams({
      hostaddr: "127.0.0.1",
      sslmode: "verify-full",
      sslrootcert: path.join(folder(), "pki/ca.crt"),
      application_name: "client test",
    });
    const password = encodeURIComponent(await passwordOf(folder(), "app"));
    const database = openDatabase({
      url: `postgresql://app:${password}@${pooler}:${tunnels.get(pooler)?.port}/app?${parameters}`,
      pooler: { mode: "transaction", version },
      ...options,
    });
    opened.push(database);
    return database;
  }
  /** How often each of these was written. */
  const written = async (ids: readonly string[]): Promise<number[]> => {
    const found = (await asSuperuser("select id from application_log")).split("\n");
    return ids.map((id) => found.filter((one) => one === id).length);
  };

  test.each(POOLERS)(
    "%s (%s): a statement timeout arrives, by itself and in a transaction",
    async (pooler) => {
      const database = await open(pooler);
      const error = await database
        .query("select pg_sleep(5)", { statementTimeoutMs: 200 })
        .catch((e: unknown) => e);
      expect(error).toMatchObject({ sqlState: "57014", outcome: "rolled-back", attempts: 1 });
      const shown = await database.transaction(
        async (transaction) => (await transaction.query("show statement_timeout")).rows,
        { statementTimeoutMs: 1500 },
      );
      expect(shown).toEqual([{ statement_timeout: "1500ms" }]);
      // It ended with its transaction: the role's own is there again.
      expect((await database.query("show statement_timeout")).rows).toEqual([{ statement_timeout: "30s" }]);
    },
  );

  test.each(POOLERS)(
    "%s (%s): parameters and names of prepared statements work, from many clients",
    async (pooler) => {
      const database = await open(pooler, { maxConnections: 20 });
      const asked = Array.from({ length: 200 }, (_, index) =>
        database.query({ text: "select $1::int as n", values: [index], name: "same" }, { idempotent: true }),
      );
      expect((await Promise.all(asked)).map((answer) => answer.rows[0]?.["n"])).toEqual(
        asked.map((_, index) => index),
      );
      expect(database.metrics().failures).toEqual({});
    },
  );

  test.each(POOLERS)("%s (%s): nothing of one client's session comes to another", async (pooler) => {
    const database = await open(pooler, { maxConnections: 20 });
    for (const sql of [
      "set search_path to nowhere",
      "create temp table leak (a int)",
      "select pg_advisory_lock(1)",
    ])
      await expect(database.query(sql)).rejects.toThrow(SessionFeatureError);
    const work = Array.from({ length: 60 }, (_, index) =>
      index % 2 === 0
        ? database.transaction(async (transaction) => {
            await transaction.query(`set local search_path to mine_${index}`);
            await transaction.query("create temp table own (a int) on commit drop");
            await transaction.query("select pg_advisory_xact_lock(hashtext($$own$$))");
            return undefined;
          })
        : database.query(
            "select current_setting('search_path') as path, to_regclass('own') as own, (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks",
          ),
    );
    const seen = (await Promise.all(work)).flatMap((answer) => answer?.rows ?? []);
    expect(seen).toHaveLength(30);
    for (const row of seen) expect(row).toEqual({ path: '"$user", public', own: null, locks: 0 });
  });

  test.each(POOLERS)(
    "%s (%s) restarts under load: calls wait for it, and nothing is done twice",
    async (pooler) => {
      const database = await open(pooler);
      const ids = Array.from({ length: 24 }, () => randomUUID());
      const writing = Promise.allSettled(
        ids.map(async (id, index) => {
          await wait(index * 60);
          await database.transaction(async (transaction) => {
            await transaction.query({ text: "insert into application_log (id) values ($1)", values: [id] });
          });
        }),
      );
      await wait(200);
      await onHost(pooler, "systemctl restart pgbouncer");
      const results = await writing;
      const counts = await written(ids);
      for (const [index, result] of results.entries()) {
        // A COMMIT whose answer was lost is told as such, and only that.
        if (result.status === "rejected") expect(result.reason).toMatchObject({ outcome: "unknown" });
        else expect(counts[index]).toBe(1);
      }
      expect(counts.filter((count) => count > 1)).toEqual([]);
      expect((await database.query("select 1 as one", { idempotent: true })).rows).toEqual([{ one: 1 }]);
    },
  );

  test("poolers that stay away: calls end at their deadline, then at once; when they are back they work again", async () => {
    await Promise.all(POOLERS.map(([pooler]) => staysAway(pooler)));
  });

  async function staysAway(pooler: string): Promise<void> {
    const database = await open(pooler, { deadlineMs: 3_000, circuit: { patienceMs: 300, openMs: 500 } });
    await onHost(pooler, "systemctl stop pgbouncer");
    try {
      const calls = Array.from({ length: 4 }, () => database.query("select 1").catch((e: unknown) => e));
      for (const error of await Promise.all(calls)) {
        expect(error).toBeInstanceOf(DatabaseError);
        expect(error).toMatchObject({ outcome: "not-sent" });
      }
      expect(database.metrics().circuit.opened).toBeGreaterThan(0);
      const reasons = await Promise.all(
        Array.from({ length: 4 }, () => database.query("select 1").catch((e: DatabaseError) => e.reason)),
      );
      expect(reasons).toContain("circuit-open");
    } finally {
      await onHost(pooler, "systemctl start pgbouncer");
    }
    await expect
      .poll(() =>
        database.query("select 1 as one").then(
          ({ rows }) => rows,
          () => undefined,
        ),
      )
      .toEqual([{ one: 1 }]);
    expect(database.metrics().circuit.state).toBe("closed");
  }

  test.each(POOLERS)(
    "%s (%s) paused: idempotent calls wait for it, others say that nobody knows",
    async (pooler) => {
      const database = await open(pooler, { attemptTimeoutMs: 1_000 });
      await database.query("select 1", { idempotent: true });
      // Answered when it is paused: a signal is taken some time after it was sent.
      await consoleCommand(pooler, "PAUSE");
      let waiting: ReturnType<typeof database.query>;
      try {
        const other = await database.query("select 2").catch((e: unknown) => e);
        expect(other).toMatchObject({ reason: "refused", outcome: "unknown", attempts: 1 });
        waiting = database.query("select 3 as three", { idempotent: true });
        await expect.poll(() => database.metrics().retries.timeout).toBeGreaterThan(0);
      } finally {
        await consoleCommand(pooler, "RESUME");
      }
      expect((await waiting).rows).toEqual([{ three: 3 }]);
    },
  );

  test("an exhausted pool: short work waits for its turn, and all of it is done", async () => {
    const database = await open("pool1", { maxConnections: 60 });
    const calls = Array.from({ length: 60 }, () =>
      database.query("select pg_sleep(0.1)", { idempotent: true }),
    );
    expect(await Promise.all(calls)).toHaveLength(60);
  });

  test("pools that are exhausted for longer than PgBouncer lets clients wait: what it gave up on was not done, and is done again", async () => {
    await Promise.all(POOLERS.map(([pooler]) => exhausted(pooler)));
  });

  const exhausted = (pooler: string): Promise<void> =>
    withSettings(pooler, { default_pool_size: 2, reserve_pool_size: 0, query_wait_timeout: 1 }, async () => {
      const database = await open(pooler);
      const taken = Promise.withResolvers<void>();
      const over = Promise.withResolvers<void>();
      let begun = 0;
      const long = [1, 2].map(() =>
        database.transaction(async (transaction) => {
          await transaction.query("select 1");
          if (++begun === 2) taken.resolve();
          await over.promise;
        }),
      );
      await taken.promise;
      const id = randomUUID();
      // Not idempotent: it is tried again only because nobody can have done it.
      const writing = database.query({
        text: "insert into application_log (id) values ($1)",
        values: [id],
      });
      await expect.poll(() => database.metrics().retries.exhausted).toBeGreaterThan(0);
      over.resolve();
      await Promise.all([writing, ...long]);
      expect(await written([id])).toEqual([1]);
    });

  test("a database that is gone: told within the deadline, and whole again when it is back", () =>
    // Its default, 15 s, is how long PgBouncer waits before it asks again.
    withSettings("pool2", { server_login_retry: 1 }, async () => {
      const database = await open("pool2", { deadlineMs: 3_000 });
      await database.query("select 1", { deadlineMs: 30_000 });
      await onHost("db1", "systemctl stop postgresql@15-main");
      try {
        const error = await database.query("select 1", { idempotent: true }).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(DatabaseError);
        expect(error).toMatchObject({ reason: expect.stringMatching(/deadline|circuit-open/) });
      } finally {
        await onHost("db1", "systemctl start postgresql@15-main");
      }
      expect(
        (await database.query("select 1 as one", { idempotent: true, deadlineMs: 30_000 })).rows,
      ).toEqual([{ one: 1 }]);
    }));

  test("a backend that is ended in a transaction: it is done again, once", async () => {
    const database = await open("pool1");
    const id = randomUUID();
    let tries = 0;
    await database.transaction(async (transaction) => {
      tries += 1;
      await transaction.query({ text: "insert into application_log (id) values ($1)", values: [id] });
      if (tries === 1)
        await asSuperuser(
          "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'",
        );
      await transaction.query("select 1");
    });
    expect(tries).toBe(2);
    expect(await written([id])).toEqual([1]);
  });

  test("two transactions that lock crosswise: both are done, the one that was chosen as victim by trying again", async () => {
    const database = await open("pool1");
    const ids = [randomUUID(), randomUUID()] as const;
    await database.query({ text: "insert into application_log (id) values ($1), ($2)", values: ids });
    const both = Promise.withResolvers<void>();
    let holding = 0;
    const lock = (first: string, second: string) =>
      database.transaction(async (transaction) => {
        const text = "update application_log set at = now() where id = $1";
        await transaction.query({ text, values: [first] });
        if (++holding === 2) both.resolve();
        await both.promise;
        await transaction.query({ text, values: [second] });
      });
    await Promise.all([lock(ids[0], ids[1]), lock(ids[1], ids[0])]);
    // On a busy machine it may become the victim once more.
    expect(database.metrics().retries.conflict).toBeGreaterThan(0);
  });

  test("an error of the application undoes the transaction, and a swallowed one is not taken for success", async () => {
    const database = await open("pool2", { maxConnections: 1 });
    const id = randomUUID();
    const insert = { text: "insert into application_log (id) values ($1)", values: [id] };
    const own = new Error("not enough stock");
    const thrown = await database
      .transaction(async (transaction) => {
        await transaction.query(insert);
        throw own;
      })
      .catch((e: unknown) => e);
    expect(thrown).toBe(own);
    const swallowed = database.transaction(async (transaction) => {
      await transaction.query(insert);
      await transaction.query("select 1 / 0").catch(() => undefined);
    });
    await expect(swallowed).rejects.toMatchObject({ outcome: "rolled-back" });
    expect(await written([id])).toEqual([0]);
    // The one connection is still the same: nothing was left open on it.
    expect(database.metrics().connections).toEqual({ opened: 1, closed: 0 });
  });
}

/** PgBouncer with other settings for a while; its file is put back as it was. */
async function withSettings(
  pooler: string,
  settings: Readonly<Record<string, number>>,
  act: () => Promise<void>,
): Promise<void> {
  const file = "/etc/pgbouncer/pgbouncer.ini";
  const edits = Object.entries(settings).map(
    ([key, value]) => `-e '/^${key} *=/d' -e '/^\\[pgbouncer\\]/a ${key} = ${value}'`,
  );
  await onHost(
    pooler,
    `cp -p ${file} /root/kept.ini; sed -i ${edits.join(" ")} ${file}; systemctl restart pgbouncer`,
  );
  try {
    await act();
  } finally {
    await onHost(pooler, `cp -p /root/kept.ini ${file}; rm /root/kept.ini; systemctl restart pgbouncer`);
  }
}

function asSuperuser(sql: string): Promise<string> {
  return onHost("db1", `cd /; runuser -u postgres -- psql -qAtX -d app -c "${sql.replaceAll('"', '\\"')}"`);
}
