import { expect, test } from "vitest";
import { labHost, onHost } from "../lab-hosts.ts";
import { applicationsAt, openTransaction, whileAsking } from "./applications.ts";
import { POOLERS } from "./rehearsal.ts";
import { client, PORTS, provision, secret } from "./setting.ts";

const REPORTS = {
  pgbouncer_reserve_pool_size: 1,
  pgbouncer_default_pool_size: 4,
  pgbouncer_drain_seconds: 1,
};

const SHOP = { user: "shop", password: "s" };
const REPORT = { user: "report", password: "r" };

/** An application more: a database, and its user. */
const withShop = async (): Promise<Record<string, unknown>> => {
  const server = { host: labHost("db1").address, port: PORTS.postgresql_port };
  return {
    ...REPORTS,
    pgbouncer_databases: { app: server, Shop: server },
    postgresql_databases: [
      { name: "app", owner: "app" },
      { name: "Shop", owner: SHOP.user },
    ],
    postgresql_users: await usersWith(SHOP),
  };
};

/** The application's and this one. */
const usersWith = async ({ user, password }: { user: string; password: string }): Promise<unknown[]> => [
  { name: "app", password: await secret("app"), settings: { statement_timeout: "30s" } },
  { name: user, password },
];

/** What other applications must not notice at either pooler: no query of theirs fails, no login is refused, and a transaction that is open all the time is not cut. */
async function unnoticed(what: string, happens: () => Promise<unknown>): Promise<void> {
  const transactions = await Promise.all(POOLERS.map((host) => openTransaction(host)));
  const asking = POOLERS.map((host) => applicationsAt({ host }));
  for (const { errors, queries } of await whileAsking(what, asking, happens)) {
    expect(errors).toEqual(new Map());
    expect(queries).toBeGreaterThan(50);
  }
  await Promise.all(transactions.map(({ commit }) => commit()));
}

/** Each login once, without another try. */
const logsIn = (database: string, login: { user: string; password: string }): Promise<string[]> =>
  Promise.all(
    POOLERS.map((host) =>
      client(host, { database, ...login }).then(
        async (one) => {
          const { rows } = await one.query<{ who: string }>(
            "select current_user || '@' || current_database() as who",
          );
          await one.end();
          return rows[0]?.who ?? "";
        },
        () => "refused",
      ),
    ),
  );

const sql = (statement: string): Promise<string> =>
  onHost("db1", `cd /; runuser -u postgres -- psql -XAtqc '${statement.replaceAll("'", "'\\''")}'`);

/** They come and go while other applications work. Lives on the production's poolers. */
export function databasesAndUsers(): void {
  const poolers = (extra: Record<string, unknown>) => provision("pgbouncer.yml", { limit: "poolers", extra });

  test("a user and its database come, then a user alone: nobody else notices, and each logs in at once through both poolers, though it was refused before", async () => {
    expect((await poolers(REPORTS)).failed).toEqual([]);
    expect(await logsIn("Shop", SHOP)).toEqual(["refused", "refused"]);
    await unnoticed("a user and its database come", async () => {
      expect((await provision("pgbouncer.yml", { extra: await withShop() })).failed).toEqual([]);
      expect(await logsIn("Shop", SHOP)).toEqual(["shop@Shop", "shop@Shop"]);
    });
    expect(await logsIn("app", REPORT)).toEqual(["refused", "refused"]);
    await unnoticed("a user comes", async () => {
      const extra = { ...(await withShop()), postgresql_users: await usersWith(REPORT) };
      const { failed, changed } = await provision("pgbouncer.yml", { extra, limit: "postgresql" });
      expect(failed).toEqual([]);
      expect(changed).toHaveLength(1);
      expect(await logsIn("app", REPORT)).toEqual(["report@app", "report@app"]);
    });
  });

  test("a database goes: no transaction is cut, there or elsewhere, and nobody else notices", async () => {
    const transactions = await Promise.all(POOLERS.map((host) => openTransaction(host, "Shop", SHOP)));
    const kept = await poolers(REPORTS);
    expect(kept.failed).toHaveLength(2);
    expect(kept.failed.join()).toContain("can't be dropped without cutting a transaction");
    // It is served as before: half a removal is none.
    await (await openTransaction("pool1", "Shop", SHOP)).commit();
    await Promise.all(transactions.map(({ commit }) => commit()));
    const idle = await Promise.all(POOLERS.map((host) => client(host, { database: "Shop", ...SHOP })));
    const remove = (extra: Record<string, unknown>) =>
      provision("remove-database.yml", {
        extra: { ...extra, remove_database: "Shop", remove_data: true },
      });
    const refused = await remove(await withShop());
    expect(refused.failed.join()).toContain("take Shop out of pgbouncer_databases");
    expect(refused.changed).toEqual([]);
    await unnoticed("a database goes", async () => {
      const removed = await remove(REPORTS);
      expect(removed.failed).toEqual([]);
      expect(removed.tasks.map(({ message }) => message).join()).toContain(
        "Shop: 1 clients cut between two transactions",
      );
    });
    expect(await sql("select count(*) from pg_database where datname = 'Shop'")).toBe("0\n");
    await Promise.all(idle.map((one) => one.end().catch(() => undefined)));
    expect(await logsIn("Shop", SHOP)).toEqual(["refused", "refused"]);
    expect((await poolers(REPORTS)).changed).toEqual([]);
  });

  test("a user goes: no login any more, its open transactions end, then it is refused, and nobody else notices", async () => {
    await sql("drop role shop");
    const transactions = await Promise.all(POOLERS.map((host) => openTransaction(host, "app", REPORT)));
    await unnoticed("a user goes", async () => {
      const removing = provision("remove-user.yml", {
        extra: { remove_user: "report", remove_wait_seconds: 30, remove_role: true },
      });
      await expect.poll(() => logsIn("app", REPORT)).toEqual(["refused", "refused"]);
      await Promise.all(transactions.map(({ commit }) => commit()));
      expect((await removing).failed).toEqual([]);
    });
    expect(await sql("select count(*) from pg_roles where rolname = 'report'")).toBe("0\n");
    const again = await provision("remove-user.yml", { extra: { remove_user: "report", remove_role: true } });
    expect([again.failed, again.changed]).toEqual([[], []]);
  });
}
