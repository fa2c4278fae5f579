import { expect, test } from "vitest";
import { labHost, onHost } from "../lab-hosts.ts";
import { provisionFrom, told } from "./provision.ts";

/** The other backend of the role, in place of the first and back. */
export function firewall(folder: () => string): void {
  test("ufw takes over from nftables on both releases, lets in who may and nobody else, and goes again", async () => {
    const hosts = ["pool1", "pool2"];
    const options = { limit: "poolers", extra: ["{firewall_backend: ufw}"] };
    const { tasks } = await provisionFrom(folder(), options);
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await provisionFrom(folder(), options)).not("ok"))).toEqual([]);
    for (const host of hosts) {
      expect(await onHost(host, "ufw status verbose")).toMatch(/Status: active[\s\S]*deny \(incoming\)/);
      expect(await onHost(host, "nft list tables")).not.toContain("inet plumb");
      // Debian's iptables writes to nftables.
      expect(await onHost(host, "nft list ruleset")).toContain("ufw-user-input");
      const knock = `timeout 2 bash -c '</dev/tcp/${labHost(host).address}/6432'`;
      await onHost("app1", knock);
      await expect(onHost("db1", knock)).rejects.toThrow();
    }
    await Promise.all(
      hosts.map((host) =>
        onHost(
          host,
          "ufw --force reset >/dev/null; apt-get -qq purge -y ufw >/dev/null 2>&1; rm -rf /etc/ufw",
        ),
      ),
    );
    await provisionFrom(folder());
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
  });
}
