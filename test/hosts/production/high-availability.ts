import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { expect, test } from "vitest";
import { cutPower, giveBackPower, onHost } from "../lab-hosts.ts";
import { health } from "../pooler-health.ts";
import { client, prepareProduction, provision, virtualAddress } from "./setting.ts";

const BALANCERS = ["pool1", "pool2"] as const;

interface Experience {
  queries: number;
  errors: string[];
  /** From the first error to the last. */
  troubledMs: number;
  longestMs: number;
}

/** What applications go through that ask by the virtual address: connected all the time, connecting anew after an error. */
async function underLoad(
  what: string,
  happens: () => Promise<unknown>,
  settleMs: number,
  timeoutMs = 8000,
): Promise<Experience> {
  const seen: Experience = { queries: 0, errors: [], troubledMs: 0, longestMs: 0 };
  const times: number[] = [];
  let stopped = false;
  const application = async (): Promise<void> => {
    while (!stopped) {
      let one: pg.Client | undefined;
      try {
        one = await client("", { address: virtualAddress(), timeoutMs });
        while (!stopped) {
          const asked = Date.now();
          await one.query("select 1");
          seen.longestMs = Math.max(seen.longestMs, Date.now() - asked);
          seen.queries++;
          await wait(25);
        }
      } catch (error) {
        times.push(Date.now());
        seen.errors.push(error instanceof Error ? error.message : String(error));
        await wait(100);
      }
      one?.end().catch(() => undefined);
    }
  };
  const applications = Array.from({ length: 6 }, application);
  try {
    await wait(700);
    await happens();
    await wait(settleMs);
  } finally {
    stopped = true;
    await Promise.all(applications);
  }
  seen.troubledMs = times.length === 0 ? 0 : Math.max(...times) - Math.min(...times);
  const { queries, errors, troubledMs, longestMs } = seen;
  process.stderr.write(
    `${what}: ${queries} queries, ${errors.length} errors within ${troubledMs} ms, the longest query ${longestMs} ms\n`,
  );
  return seen;
}

/** Who has the virtual address. */
async function holders(): Promise<string[]> {
  const found = await Promise.all(
    BALANCERS.map(async (host) =>
      (await onHost(host, "ip -4 -o address")).includes(`${virtualAddress()}/`) ? [host] : [],
    ),
  );
  return found.flat();
}

const theOther = (host: string): string => (host === "pool1" ? "pool2" : "pool1");

export function highAvailability(): void {
  test("HAProxy and keepalived come up on both hosts; a second run changes nothing", async () => {
    expect((await provision("pgbouncer.yml")).failed).toEqual([]);
    expect((await provision("ha.yml")).failed).toEqual([]);
    expect((await provision("ha.yml")).changed).toEqual([]);
    await expect.poll(holders).toHaveLength(1);
    const quiet = await underLoad("nothing happens", async () => undefined, 500);
    expect(quiet.errors).toEqual([]);
    expect(quiet.queries).toBeGreaterThan(50);
  });

  test("a pooler is killed: each of its clients has one error, and the next connection is served", async () => {
    const kill = (): Promise<string> =>
      onHost("pool1", "systemctl kill -s KILL pgbouncer && systemctl stop pgbouncer");
    const seen = await underLoad("pooler killed", kill, 2000);
    await onHost("pool1", "systemctl start pgbouncer");
    expect(seen.errors.length).toBeLessThanOrEqual(6);
  });

  test("HAProxy is killed where the address is: the address moves, and does not come back by itself", async () => {
    const [holder = ""] = await holders();
    const kill = (): Promise<string> =>
      onHost(holder, "systemctl kill -s KILL haproxy; systemctl stop haproxy");
    const moved = async (): Promise<void> => {
      await kill();
      await expect.poll(holders).toEqual([theOther(holder)]);
    };
    await underLoad("HAProxy killed", moved, 500);
    expect((await underLoad("after it", async () => undefined, 500)).errors).toEqual([]);
    await onHost(holder, "systemctl start haproxy");
    // Its check succeeds twice, a second apart.
    await wait(3000);
    expect(await holders()).toEqual([theOther(holder)]);
  });

  test("with keepalived_preempt the address goes back to the host with the higher priority by itself", async () => {
    const [holder = ""] = await holders();
    if (holder === "pool1") await onHost("pool1", "systemctl stop keepalived");
    await expect.poll(holders).toEqual(["pool2"]);
    await onHost("pool1", "systemctl start keepalived");
    expect((await provision("ha.yml", { extra: { keepalived_preempt: true } })).failed).toEqual([]);
    await expect.poll(holders).toEqual(["pool1"]);
    expect((await provision("ha.yml")).failed).toEqual([]);
    await expect.poll(holders).toEqual(["pool1"]);
  });

  test("the whole host with the address loses its power, and comes back as the other's stand-in", async () => {
    const [holder = ""] = await holders();
    const lost = async (): Promise<void> => {
      await cutPower([holder]);
      const left = async (): Promise<boolean> =>
        (await onHost(theOther(holder), "ip -4 -o address")).includes(`${virtualAddress()}/`);
      await expect.poll(left).toBe(true);
    };
    await underLoad("host lost", lost, 500);
    await giveBackPower([holder]);
    const status = (): Promise<number | undefined> =>
      health(holder).then(
        (said) => said.status,
        () => undefined,
      );
    await expect.poll(status).toBe(200);
    expect(await holders()).toEqual([theOther(holder)]);
    expect((await provision("ha.yml")).changed).toEqual([]);
    const after = await underLoad("host back", async () => undefined, 1000);
    expect(after.errors).toEqual([]);
  });

  test("a replica follows the primary; a failover to one that the poolers can't ask does not begin", async () => {
    expect((await provision("replication.yml")).failed).toEqual([]);
    expect((await provision("replication.yml")).changed).toEqual([]);
    // What the poolers can't ask is no primary for them.
    await onHost(
      "db2",
      "nft 'add table inet shut; add chain inet shut in { type filter hook input priority 0; }; add rule inet shut in tcp dport 5432 reject with tcp reset'",
    );
    const shut = await provision("failover.yml", { extra: { failover_reach_seconds: 1 } });
    await onHost("db2", "nft delete table inet shut");
    expect(shut.failed.map((one) => one.slice(0, 25)).sort()).toEqual([
      "pool1 It answers, by the ",
      "pool2 It answers, by the ",
    ]);
    expect(shut.changed).toEqual([]);
  });

  test("PostgreSQL's primary changes: applications wait and see no error; the old one becomes a replica", async () => {
    const failover = async (): Promise<void> => expect((await provision("failover.yml")).failed).toEqual([]);
    expect((await underLoad("failover", failover, 1500, 30_000)).errors).toEqual([]);
    // Nobody has told the inventory.
    const stale = await provision("pgbouncer.yml");
    expect(stale.failed.join()).toMatch(/^db1 Only the primary .*Exchange the two in the inventory/);
    expect(stale.changed).toEqual([]);
    // The same inventory with the two exchanged: the poolers have nothing to change.
    await prepareProduction({ postgresql: ["db2"], postgresql_replicas: ["db1"] });
    expect((await provision("pgbouncer.yml", { limit: "poolers" })).changed).toEqual([]);
    // A server with data of its own is not thrown away unasked.
    expect((await provision("replication.yml")).failed).toHaveLength(1);
    expect(
      (await provision("replication.yml", { extra: { postgresql_replica_rebuild: true } })).failed,
    ).toEqual([]);
  });

  test("and back, as planned: again no error, and the other follows again", async () => {
    const failover = async (): Promise<void> => expect((await provision("failover.yml")).failed).toEqual([]);
    expect((await underLoad("fail-back", failover, 500, 30_000)).errors).toEqual([]);
    await prepareProduction();
    expect((await provision("pgbouncer.yml", { limit: "poolers" })).changed).toEqual([]);
    expect(
      (await provision("replication.yml", { extra: { postgresql_replica_rebuild: true } })).failed,
    ).toEqual([]);
  });

  test("when the primary's host has lost its power, applications see errors until the poolers ask the other, and none after", async () => {
    const dead = async (): Promise<void> => {
      await cutPower(["db1"]);
      const done = await provision("failover.yml", { extra: { failover_primary_is_dead: true } });
      expect(done.failed).toEqual([]);
      expect(done.changed.filter((one) => one.includes('KILL "app"'))).toHaveLength(2);
    };
    await underLoad("primary dead", dead, 1500);
    expect((await underLoad("after it", async () => undefined, 500)).errors).toEqual([]);
    expect(await onHost("db2", "cd /; runuser -u postgres -- psql -XAtqc 'select pg_is_in_recovery()'")).toBe(
      "f\n",
    );
    // What follows goes on with the first server.
    await giveBackPower(["db1"]);
  });
}
