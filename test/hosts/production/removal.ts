import { beforeAll, expect, test } from "vitest";
import { onHost } from "../lab-hosts.ts";
import { openTransaction } from "./applications.ts";
import { differencesSince } from "./host-snapshot.ts";
import { client, playbookOf, prepareProduction, provision, virtualAddress } from "./setting.ts";

const POOLERS = ["pool1", "pool2"] as const;
const WITHOUT_BALANCERS = { balancers: [] };
const MORE = {
  pgbouncer_instances: 2,
  pgbouncer_default_pool_size: 4,
  pgbouncer_reserve_pool_size: 1,
  pgbouncer_log_file: true,
  pgbouncer_sysctl: { "net.core.somaxconn": 5000 },
};

/** Last of all: after everything that the other tests did there, the poolers lose what they were given, and are the hosts that they were. */
export function removal(): void {
  beforeAll(async () => {
    await prepareProduction();
    expect((await provision("pgbouncer.yml", { extra: MORE })).failed).toEqual([]);
    expect((await provision("ha.yml")).failed).toEqual([]);
    // Debian's own table, which lets everything through, comes with the start of a host on which nftables.service is enabled, and stays until it stops.
    for (const host of POOLERS) await onHost(host, "nft delete table inet filter 2>/dev/null || true");
  });

  test("the balancers stay while somebody is connected by their address, and then leave nothing", async () => {
    const holders = async (): Promise<number> => {
      const said = await Promise.all(POOLERS.map((host) => onHost(host, "ip -4 -o address")));
      return said.filter((one) => one.includes(`${virtualAddress()}/`)).length;
    };
    await expect.poll(holders).toBe(1);
    const remove = (extra: Record<string, unknown> = {}) => provision("remove-ha.yml", { extra });
    const somebody = await client("", { address: virtualAddress() });
    const refused = await remove({ remove_wait_seconds: 0 });
    expect(refused.failed.join()).toContain("Who is connected?");
    expect(refused.changed).toEqual([]);
    await somebody.end();
    expect((await remove()).failed).toEqual([]);
    expect((await remove()).changed).toEqual([]);
    expect(await holders()).toBe(0);
    await prepareProduction(WITHOUT_BALANCERS);
    expect((await provision("pgbouncer.yml", { extra: MORE, limit: "poolers" })).failed).toEqual([]);
  });

  test("while somebody is connected nothing is removed", async () => {
    const transaction = await openTransaction("pool1");
    const { failed, changed } = await provision("remove-pgbouncer.yml", {
      limit: "pool1",
      extra: { ...MORE, remove_wait_seconds: 2 },
    });
    await transaction.commit();
    expect(failed.join()).toContain("Nobody is here any more");
    expect(changed).toEqual([]);
    expect(await onHost("pool1", "systemctl is-active pgbouncer pgbouncer-2")).toBe("active\nactive\n");
  });

  test("the hosts are as they were before the installation, and PostgreSQL knows nothing of poolers", async () => {
    // Logrotate came for the log file; hosts that have it anyway keep it.
    const remove_packages = ["pgbouncer", "postgresql-client", "logrotate"];
    const remove = (check = false) =>
      provision("remove-pgbouncer.yml", {
        check,
        extra: { ...MORE, remove_from_postgresql: true, remove_packages },
      });
    const checked = await remove(true);
    expect(checked.failed).toEqual([]);
    for (const host of POOLERS)
      expect(await onHost(host, "systemctl is-active pgbouncer pgbouncer-2")).toBe("active\nactive\n");
    const removed = await remove();
    expect(removed.failed).toEqual([]);
    for (const host of POOLERS) expect(await differencesSince(host)).toEqual([]);
    const sql = (query: string): Promise<string> =>
      onHost("db1", `cd /; runuser -u postgres -- psql -XAtq app -c "${query}"`);
    expect(await sql("select rolname from pg_roles where rolname ~ '^pgb'")).toBe("");
    expect(await sql("select nspname from pg_namespace where nspname ~ '^pgb'")).toBe("");
    expect(await onHost("db1", "grep -c ^hostssl.*all /etc/postgresql/*/main/pg_hba.conf || true")).toBe(
      "0\n",
    );
    expect((await remove()).changed).toEqual([]);
  });

  test("the other firewall of each leaves nothing either", async () => {
    const play = (name: string, lines: string): Promise<string> =>
      playbookOf(name, `- hosts: poolers\n  become: true\n${lines}`);
    const others = { pool1: { firewall_backend: "ufw" }, pool2: { firewall_backend: "nftables" } };
    await prepareProduction(WITHOUT_BALANCERS, others);
    const rules = '[{"name": "pgbouncer", "ports": [6432], "sources": ["10.0.0.1", "fd00::/64"]}]';
    const there = await play("firewall", `  vars: {firewall_rules: ${rules}}\n  roles: [firewall]\n`);
    expect((await provision(there)).failed).toEqual([]);
    expect(await onHost("pool1", "ufw status")).toMatch(/6432\/tcp +ALLOW +fd00::\/64/);
    expect(await onHost("pool2", "nft list table inet plumb")).toContain("ip6 saddr fd00::/64");
    const gone = await play(
      "no-firewall",
      "  tasks:\n    - import_role: {name: firewall, tasks_from: remove.yml}\n",
    );
    expect((await provision(gone)).failed).toEqual([]);
    for (const host of POOLERS) expect(await differencesSince(host)).toEqual([]);
    expect((await provision(gone)).changed).toEqual([]);
  });
}
