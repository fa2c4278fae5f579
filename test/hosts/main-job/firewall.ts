import { writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { labHost, onHost } from "../lab-hosts.ts";
import { leftOfInstances } from "./instances.ts";
import { inventoryOf, provisionFrom, told } from "./provision.ts";

/** The other backend of the role, in place of the first and back. */
export function firewall(folder: () => string): void {
  const hosts = ["pool1", "pool2"];
  const run = (extra: Record<string, unknown>, limit = "poolers", inventory = "hosts.yml") =>
    provisionFrom(folder(), { limit, inventory, extra: [JSON.stringify(extra)] });
  const knock = (host: string, port = 6432): string =>
    `timeout 2 bash -c '</dev/tcp/${labHost(host).address}/${port}'`;
  const nobody = "nobody.yml";

  beforeAll(async () => {
    // Nobody connects, watches or balances yet: a rule without a source would let everybody in.
    const groups = { clients: [], monitoring: [], balancers: [] };
    await writeFile(path.join(folder(), nobody), inventoryOf(["db1"], { groups }));
  });

  test("ufw takes over from nftables on both releases, lets in who may and nobody else", async () => {
    // Two processes, which become one again under ufw.
    const ufw = { firewall_backend: "ufw", pgbouncer_instances: 2, pgbouncer_default_pool_size: 8 };
    const { tasks } = await run(ufw);
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await run(ufw)).not("ok"))).toEqual([]);
    for (const host of hosts) {
      expect(await onHost(host, "ufw status verbose")).toMatch(/Status: active[\s\S]*deny \(incoming\)/);
      expect(await onHost(host, "nft list tables")).not.toContain("inet plumb");
      // Debian's iptables writes to nftables.
      expect(await onHost(host, "nft list ruleset")).toContain("ufw-user-input");
      await onHost("app1", knock(host));
      await expect(onHost("db1", knock(host))).rejects.toThrow();
    }
  });

  test("without clients, monitoring and balancers nothing but SSH is let in, by either firewall; and instances that are fewer again leave nothing under ufw", async () => {
    const one = { firewall_backend: "ufw" };
    const both = await run(one, "pool1", nobody);
    expect(told(both.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await run(one, "pool1", nobody)).not("ok"))).toEqual([]);
    const other = await run({}, "pool2", nobody);
    expect(told(other.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    const allowed = (await onHost("pool1", "ufw status"))
      .split("\n")
      .filter((line) => line.includes("ALLOW"));
    expect(allowed.map((line) => line.split(/\s/)[0])).toEqual(["22/tcp", "22/tcp"]);
    expect(await onHost("pool2", "nft list table inet plumb | grep -o 'dport.*accept'")).toBe(
      "dport 22 accept\n",
    );
    for (const host of hosts) {
      expect(await leftOfInstances(host)).toBe("");
      for (const port of [6432, 9127]) await expect(onHost("app1", knock(host, port))).rejects.toThrow();
    }
  });

  test("back to nftables: ufw is off and leaves nothing, but not while other people's rules are in it", async () => {
    await onHost("pool1", "ufw allow 8080/tcp");
    const refused = await run({}, "pool1");
    expect(told(refused.not("ok"))).toEqual([
      expect.stringMatching(/^pool1 failed Is nobody else.*not Plumb's: allow 8080\/tcp/),
    ]);
    await onHost("pool1", "ufw --force delete allow 8080/tcp");
    const { tasks } = await run({});
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await run({})).not("ok"))).toEqual([]);
    for (const host of hosts) {
      expect(await onHost(host, "ufw status")).toBe("Status: inactive\n");
      // Debian's own table, which lets everything through, comes with a start of nftables.service.
      const tables = (await onHost(host, "nft list tables")).replace("table inet filter\n", "");
      expect(tables).toBe("table inet plumb\n");
      await onHost("app1", knock(host));
      await expect(onHost("db1", knock(host))).rejects.toThrow();
    }
    await Promise.all(hosts.map((host) => onHost(host, "dpkg --purge ufw >/dev/null 2>&1; rm -rf /etc/ufw")));
  });
}
