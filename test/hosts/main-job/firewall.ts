import { expect, test } from "vitest";
import { labHost, onHost } from "../lab-hosts.ts";
import { provisionFrom, told } from "./provision.ts";

/** The other backend of the role, in place of the first and back. */
export function firewall(folder: () => string): void {
  const hosts = ["pool1", "pool2"];
  const run = (extra: Record<string, unknown>, limit = "poolers", check = false) =>
    provisionFrom(folder(), { limit, check, extra: [JSON.stringify(extra)] });
  const knock = (host: string): string => `timeout 2 bash -c '</dev/tcp/${labHost(host).address}/6432'`;

  test("ufw takes over from nftables on both releases, lets in who may and nobody else", async () => {
    const ufw = { firewall_backend: "ufw" };
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
    const gone = await run({ ...ufw, pgbouncer_clients: ["192.0.2.99"] }, "pool1");
    expect(told(gone.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    await expect(onHost("app1", knock("pool1"))).rejects.toThrow();
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
    await Promise.all(
      hosts.map((host) => onHost(host, "apt-get -qq purge -y ufw >/dev/null 2>&1; rm -rf /etc/ufw")),
    );
  });
}
