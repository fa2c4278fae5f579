import { execFile } from "node:child_process";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bridgeName } from "../../../src/lab/plan.ts";
import { lab } from "../lab.ts";
import { labHost, onHost } from "../lab-hosts.ts";
import { consoleCommand, health } from "../pooler-health.ts";
import { SHORT_ACCEPTANCE } from "../short-acceptance.ts";
import { leftOfInstances } from "./instances.ts";
import { inventoryOf, type Provisioned, provisionFrom, told } from "./provision.ts";

const HOSTS = ["db1", "pool1", "pool2", "app1"] as const;
const POOLERS = ["pool1", "pool2"] as const;

/** The same hosts by other addresses: from the inventory everything else follows. */
export function ipv6(folder: () => string): void {
  const subnet = (): number => Number(labHost("app1").address.split(".")[2]);
  const prefix = (): string => `fd00:6432:${subnet()}::`;
  const virtual = (): string => `${prefix()}200`;
  const at = (host: string): string => `${prefix()}${labHost(host).address.split(".")[3]}`;

  beforeAll(async () => {
    const bridge = bridgeName({ subnet: subnet() });
    await promisify(execFile)("ip", ["-6", "address", "replace", `${prefix()}1/64`, "dev", bridge, "nodad"]);
    for (const host of HOSTS) await onHost(host, `ip -6 address replace ${at(host)}/64 dev host0 nodad`);
    const known = (await readFile(lab.knownHostsFile, "utf8"))
      .split("\n")
      .filter((line) => HOSTS.some((host) => line.startsWith(`${host},`)))
      .map((line) => line.replace(/^(\w+),(\S+)/, (names, host: string) => `${names},${at(host)}`));
    const knownHostsFile = path.join(folder(), "known_hosts");
    await writeFile(knownHostsFile, `${known.join("\n")}\n`);
    await writeFile(
      path.join(folder(), "ipv6.yml"),
      inventoryOf(["db1"], {
        ...{ addressOf: at, knownHostsFile, groups: { balancers: POOLERS } },
        variables: { ha_virtual_address: virtual() },
      }),
    );
  });

  afterAll(async () => {
    await provisionFrom(folder());
    for (const host of HOSTS) await onHost(host, `ip -6 address del ${at(host)}/64 dev host0`);
    expect(told((await provisionFrom(folder())).not("ok"))).toEqual([]);
  });

  const opens = (from: string, address: string): Promise<string> =>
    onHost(from, `timeout 2 bash -c '</dev/tcp/${address}/6432'`);

  test("an inventory of IPv6 addresses: connections, certificates, HBA and firewall have no others, on both releases, and one process of two leaves nothing when it goes", async () => {
    const two = ["{pgbouncer_instances: 2, pgbouncer_default_pool_size: 8}"];
    const { tasks } = await provisionFrom(folder(), { inventory: "ipv6.yml", extra: two });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    for (const host of POOLERS)
      expect(await onHost(host, "ss -Hltn sport = :6432 | awk '{ print $4 }'")).toBe(
        `[${at(host)}]:6432\n`.repeat(2),
      );
    const fewer = await provisionFrom(folder(), { inventory: "ipv6.yml" });
    expect(told(fewer.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    // Each through both poolers, and PostgreSQL behind them.
    expect(tasks.filter(({ task }) => task.module === "pg_query").map(({ host }) => host)).toEqual(
      expect.arrayContaining(["app1", "app1", ...POOLERS]),
    );
    expect(told((await provisionFrom(folder(), { inventory: "ipv6.yml" })).not("ok"))).toEqual([]);
    for (const host of POOLERS) {
      expect(await leftOfInstances(host)).toBe("");
      expect(await onHost(host, "ss -Hltn sport = :6432 | awk '{ print $4 }'")).toBe(`[${at(host)}]:6432\n`);
      expect(await onHost(host, "grep -v '^#' /etc/pgbouncer/pg_hba.conf | grep -c '[.]' || true")).toBe(
        "1\n",
      );
      expect(await onHost(host, "nft list table inet plumb")).toContain(`ip6 saddr ${at("app1")} accept`);
      await expect.poll(() => health(host)).toMatchObject({ status: 200, reason: "ok" });
      await opens("app1", at(host));
      await expect(opens("db1", at(host))).rejects.toThrow();
    }
    expect(
      await onHost("db1", "grep -E '^hostssl' /etc/postgresql/15/main/pg_hba.conf | awk '{ print $4 }'"),
    ).toBe(`${at("pool1")}/128\n${at("pool2")}/128\n`);
    const accepted = await provisionFrom(folder(), {
      ...{ inventory: "ipv6.yml", playbook: "playbooks/verify-pgbouncer.yml", limit: "pool2" },
      extra: [JSON.stringify(SHORT_ACCEPTANCE)],
    });
    expect(told(accepted.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
  }, 240_000);

  test("a virtual address of IPv6 is on one of them, moves when its HAProxy is gone, and leaves nothing when it is taken away", async () => {
    const play = async (playbook: string): Promise<Provisioned> => {
      const done = await provisionFrom(folder(), { inventory: "ipv6.yml", playbook });
      expect(told(done.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
      return done;
    };
    await play("playbooks/ha.yml");
    expect(told((await play("playbooks/ha.yml")).not("ok"))).toEqual([]);
    const holders = async (): Promise<string[]> => {
      const said = await Promise.all(POOLERS.map((host) => onHost(host, "ip -6 -o address show")));
      return POOLERS.filter((_, index) => said[index]?.includes(` ${virtual()}/128 `));
    };
    await expect.poll(async () => (await holders()).length).toBe(1);
    const file = path.join(folder(), "by-virtual-address.yml");
    await writeFile(
      file,
      `- hosts: app1
  tasks:
    - pg_query: {host: "${virtual()}", database: app, user: app, password: "{{ app_password }}", ca_file: "{{ tls_ca_directory }}/ca.crt"}
`,
    );
    await play(file);
    const [holder = ""] = await holders();
    // What the host itself asks does not come from that address, which PostgreSQL would not let in.
    await consoleCommand(holder, "RECONNECT");
    await expect.poll(async () => (await health(holder)).reason).toBe("ok");
    await onHost(holder, "systemctl stop haproxy");
    await expect.poll(holders).toEqual(POOLERS.filter((host) => host !== holder));
    await play(file);
    await play("playbooks/remove-ha.yml");
    expect(await holders()).toEqual([]);
    for (const host of POOLERS) {
      const left =
        "ls -d /etc/haproxy /etc/keepalived /etc/sysctl.d/*nonlocal* 2>/dev/null; sysctl -n net.ipv6.ip_nonlocal_bind";
      expect(await onHost(host, left)).toBe("0\n");
    }
  });

  test("of several addresses a host listens at the one that the inventory has", async () => {
    const second = labHost("pool1").address.replace(/\d+$/, "113");
    await onHost("pool1", `ip address add ${second}/24 dev host0`);
    const knownHostsFile = path.join(folder(), "known_hosts");
    const keys = await readFile(lab.knownHostsFile, "utf8");
    await appendFile(knownHostsFile, keys.replace(/^pool1,\S+/m, `pool1,${second}`));
    const addressOf = (host: string): string => (host === "pool1" ? second : labHost(host).address);
    await writeFile(path.join(folder(), "second.yml"), inventoryOf(["db1"], { addressOf, knownHostsFile }));
    const { tasks } = await provisionFrom(folder(), { inventory: "second.yml", limit: "pool1", check: true });
    await onHost("pool1", `ip address del ${second}/24 dev host0`);
    const ini = tasks.find(({ task }) => task.module === "pgbouncer_ini");
    expect(JSON.stringify(ini?.differences)).toContain(`listen_addr = ${second}`);
  });

  test("a pooler listens at addresses of both kinds, and another at all there are", async () => {
    const listening = async (limit: string, address: string): Promise<void> => {
      const extra = [
        JSON.stringify({ pgbouncer_listen_addr: address, pgbouncer_other_clients: [at("app1")] }),
      ];
      const { tasks } = await provisionFrom(folder(), { limit, extra });
      expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
      expect(told((await provisionFrom(folder(), { limit, extra })).not("ok"))).toEqual([]);
    };
    await provisionFrom(folder(), { limit: "db1" });
    await listening("pool1", `${labHost("pool1").address}, ${at("pool1")}`);
    await listening("pool2", "*");
    for (const host of POOLERS) {
      await opens("app1", at(host));
      await opens("app1", labHost(host).address);
      await expect(opens("db1", at(host))).rejects.toThrow();
      await expect.poll(() => health(host)).toMatchObject({ status: 200, reason: "ok" });
    }
    const file = path.join(folder(), "both-kinds.yml");
    await writeFile(
      file,
      `- hosts: app1
  tasks:
    - pg_query:
        host: "{{ item }}"
        database: app
        user: app
        password: "{{ app_password }}"
        ca_file: "{{ tls_ca_directory }}/ca.crt"
        server_name: pool1
      loop: ["${labHost("pool1").address}", "${at("pool1")}"]
`,
    );
    const { tasks } = await provisionFrom(folder(), { playbook: file });
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
  });
}
