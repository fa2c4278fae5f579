import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { expect, test } from "vitest";
import { cutPower, freshDisks, giveBackPower, labHost, onHost } from "../lab-hosts.ts";
import { health } from "../pooler-health.ts";
import { SHORT_ACCEPTANCE } from "../short-acceptance.ts";
import { client, PORTS, prepareProduction, provision, virtualAddress } from "./setting.ts";

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

const psql = (host: string, statement: string): Promise<string> =>
  onHost(host, `cd /; runuser -u postgres -- psql -XAtqc '${statement}'`);

const TWO_REPLICAS = { postgresql_replicas: ["db2", "app1"] };

/** Nothing is changed by a run whose inventory names a primary that was replaced. */
async function refused(playbook: string, why: RegExp, limit?: string): Promise<void> {
  const extra = { postgresql_replica_rebuild: true };
  const stale = await provision(playbook, limit === undefined ? { extra } : { extra, limit });
  expect(stale.failed.join()).toMatch(why);
  expect(stale.changed).toEqual([]);
}

/** Host and task of what `provision` has told. */
const named = (told: string): string => told.replace(/:.*/s, "");

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

  test("the virtual address goes to the network card that has an address in its network", async () => {
    await onHost(
      "pool1",
      "ip link add inner0 type veth peer name inner1; ip address add 198.51.100.2/24 dev inner0; ip link set inner0 up",
    );
    const extra = { ha_virtual_address: "198.51.100.200" };
    const { failed, tasks } = await provision("ha.yml", { check: true, extra, limit: "pool1" });
    await onHost("pool1", "ip link del inner0");
    expect(failed).toEqual([]);
    const written = tasks.map(({ differences }) => JSON.stringify(differences)).join();
    expect(written).toContain("interface inner0");
    // keepalived would put it on a second host.
    const own = { ha_virtual_address: labHost("app1").address };
    const taken = await provision("ha.yml", { check: true, extra: own, limit: "pool1" });
    expect(taken.failed.join()).toMatch(/^pool1 It is no host's own: /);
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

  test("replicas follow the primary; a failover to one that does not, or that the poolers can't ask, does not begin", async () => {
    await prepareProduction({ postgresql_replicas: [], clients: [] });
    expect((await provision("failover.yml")).failed.join()).toMatch(/One primary, and a replica: /);
    expect((await provision("verify-pgbouncer.yml")).failed.join()).toMatch(/There is a host to measure/);
    await prepareProduction(TWO_REPLICAS);
    expect((await provision("pgbouncer.yml", { limit: "postgresql" })).failed).toEqual([]);
    expect((await provision("replication.yml")).failed).toEqual([]);
    expect((await provision("replication.yml")).changed).toEqual([]);
    // What it has not received would be lost.
    const follows = (address: string): Promise<string> =>
      onHost(
        "db2",
        `sed -i 's/host=[0-9.]*/host=${address}/' /etc/postgresql/15/main/conf.d/plumb-replica.conf; systemctl restart postgresql@15-main`,
      );
    await follows("192.0.2.1");
    const behind = await provision("failover.yml");
    expect(behind.failed.join()).toMatch(/^db2 What it has not received would be lost/);
    expect(behind.changed).toEqual([]);
    await follows(labHost("db1").address);
    await expect
      .poll(() => psql("db2", "select status from pg_stat_wal_receiver"), { timeout: 20_000 })
      .toBe("streaming\n");
    // What the poolers can't ask is no primary for them.
    await onHost(
      "db2",
      `nft 'add table inet shut; add chain inet shut in { type filter hook input priority 0; }; add rule inet shut in tcp dport ${PORTS.postgresql_port} reject with tcp reset'`,
    );
    const shut = await provision("failover.yml", { extra: { failover_reach_seconds: 1 } });
    await onHost("db2", "nft delete table inet shut");
    expect(shut.failed.map((one) => one.slice(0, 25)).sort()).toEqual([
      "pool1 It answers, by the ",
      "pool2 It answers, by the ",
    ]);
    expect(shut.changed).toEqual([]);
    // Databases by another name of the server would stay where they are.
    await onHost("pool1", "sed -i 's/host=10[0-9.]*/host=db1.internal/' /etc/pgbouncer/pgbouncer.ini");
    const elsewhere = await provision("failover.yml");
    expect(elsewhere.failed.join()).toMatch(/pool1 None is: no database .* has host=10/);
    expect(elsewhere.changed).toEqual([]);
    expect((await provision("pgbouncer.yml", { limit: "pool1" })).failed).toEqual([]);
  }, 300_000);

  test("a replica that has not all when the primary has stopped is not promoted: the old primary and the clients go on, without an error", async () => {
    const receiver = (signal: string): Promise<string> =>
      onHost(
        "db2",
        `for one in $(pgrep -x postgres); do ! grep -q walreceiver /proc/$one/cmdline || kill -s ${signal} $one; done`,
      );
    await psql("db1", "alter system set wal_sender_timeout = 2000");
    await onHost("db1", "systemctl reload postgresql@15-main");
    await receiver("STOP");
    const failover = async (): Promise<void> => {
      const behind = await provision("failover.yml");
      expect(behind.failed.join()).toMatch(/pool1 The replica is not promoted: .*db1 is the primary again/);
      expect(behind.changed.join()).toContain("db1 Otherwise it is the primary again");
    };
    expect((await underLoad("replica behind", failover, 500, 60_000)).errors).toEqual([]);
    await receiver("CONT");
    await psql("db1", "alter system reset wal_sender_timeout");
    expect(await psql("db2", "select pg_is_in_recovery()")).toBe("t\n");
    // It starts with its host, as before.
    expect((await onHost("db1", "cat /etc/postgresql/15/main/start.conf")).trimEnd().split("\n").at(-1)).toBe(
      "auto",
    );
    await expect
      .poll(() => psql("db2", "select status from pg_stat_wal_receiver"), { timeout: 20_000 })
      .toBe("streaming\n");
  }, 120_000);

  test("PostgreSQL's primary changes: applications wait and see no error; all others follow the new one, without a copy", async () => {
    const failover = async (): Promise<void> => expect((await provision("failover.yml")).failed).toEqual([]);
    expect((await underLoad("failover", failover, 1500, 30_000)).errors).toEqual([]);
    // Nobody has told the inventory.
    await refused("pgbouncer.yml", /pool1 Only the primary is asked.*Exchange the two/);
    await refused("pgbouncer.yml", /^db1 Only the primary is asked.*Exchange the two/, "db1");
    // A pooler that the failover left out hears it of the others.
    await onHost("pool2", "rm -r /etc/pgbouncer/replaced");
    await refused("pgbouncer.yml", /^pool2 Only the primary is asked/, "pool2");
    // It knows by itself, too.
    await prepareProduction({ poolers: [], balancers: [] });
    await refused("pgbouncer.yml", /^db1 Only the primary is looked after.*Exchange the two/, "db1");
    // Whoever starts it by hand has a server that takes no writes.
    await onHost("db1", "systemctl start postgresql@15-main");
    expect(await psql("db1", "select pg_is_in_recovery()")).toBe("t\n");
    // The same inventory with the two exchanged: the poolers have nothing to change.
    await prepareProduction({ postgresql: ["db2"], postgresql_replicas: ["db1", "app1"] });
    expect((await provision("pgbouncer.yml", { limit: "poolers" })).changed.map(named)).toEqual([
      "pool2 A folder for who was replaced",
      "pool2 Who was replaced",
    ]);
    const followed = await provision("replication.yml");
    expect(followed.failed).toEqual([]);
    expect(followed.changed.join()).not.toContain("A copy of the primary");
    expect(await psql("db2", "select count(*) from pg_stat_replication")).toBe("2\n");
    // The acceptance, at other ports, with a server behind ufw.
    const accepted = await provision("verify-pgbouncer.yml", { limit: "pool1", extra: SHORT_ACCEPTANCE });
    expect(accepted.failed).toEqual([]);
    expect(accepted.changed.join()).toContain("The firewall lets it in");
    expect(await onHost("db2", "ufw status | grep -c acceptance; true")).toBe("0\n");
  });

  test("and back, as planned: again no error; a replica that does not even start is copied anew, and only where that is wanted", async () => {
    const failover = async (): Promise<void> => expect((await provision("failover.yml")).failed).toEqual([]);
    const [db1, db2] = [labHost("db1").address, labHost("db2").address];
    const remembered = "/etc/pgbouncer/replaced";
    await onHost("pool2", `cp -a ${remembered}/${db1} /run/older`);
    expect((await underLoad("fail-back", failover, 500, 30_000)).errors).toEqual([]);
    await prepareProduction(TWO_REPLICAS);
    // As if this one had been left out: what it remembers is older than what the other does.
    await onHost("pool2", `rm ${remembered}/${db2}; mv /run/older ${remembered}/${db1}`);
    expect((await provision("pgbouncer.yml", { limit: "poolers" })).changed.map(named).sort()).toEqual([
      "pool2 Who is the primary again",
      "pool2 Who was replaced",
    ]);
    await onHost("db2", "rm /var/lib/postgresql/15/main/global/pg_control");
    // It keeps nobody from the one behind it.
    const one = await provision("replication.yml");
    expect(one.failed).toEqual([expect.stringContaining("db2 This one does not: Running now")]);
    expect(one.changed.join()).toContain("app1 Whom it follows");
    expect(await psql("app1", "select status from pg_stat_wal_receiver")).toBe("streaming\n");
    await prepareProduction();
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
    // app1 follows nobody: it is behind.
    await prepareProduction({ postgresql_replicas: ["app1", "db2"] });
    await onHost(
      "app1",
      "systemctl stop postgresql@15-main; sed -i 's/host=[0-9.]*/host=192.0.2.1/' /etc/postgresql/15/main/conf.d/plumb-replica.conf",
    );
    await psql("db1", "create table seen_by_one_only (id int); drop table seen_by_one_only");
    await onHost("app1", "systemctl start postgresql@15-main");
    const loses = await provision("failover.yml", { check: true, extra: { failover_primary_is_dead: true } });
    expect(loses.failed.join()).toMatch(/^app1 The one that has most is promoted: db2 received more/);
    await prepareProduction();
    await underLoad("primary dead", dead, 1500);
    expect((await underLoad("after it", async () => undefined, 500)).errors).toEqual([]);
    expect(await psql("db2", "select pg_is_in_recovery()")).toBe("f\n");
    // It comes back as it was, and nothing on it says that it was replaced: the poolers know.
    await giveBackPower(["db1"]);
    await refused("pgbouncer.yml", /pool1 Only the primary is asked/);
    await refused("pgbouncer.yml", /^db1 Only the primary is asked/, "db1");
    // What the new primary has would be thrown away for a copy of the old one.
    await refused("replication.yml", /^db2 Only the primary is asked/, "db2");
    // What follows goes on with the first server: that it is to be the primary all the same is said by hand.
    for (const host of BALANCERS) await onHost(host, "rm -r /etc/pgbouncer/replaced");
    await freshDisks(["app1"]);
  }, 300_000);
}
