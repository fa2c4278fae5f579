import { readFile, writeFile } from "node:fs/promises";
import { runCommand, tryCommand } from "./command.ts";
import {
  bridgeAddress,
  bridgeName,
  deviceName,
  type LabHost,
  type LabPlan,
  namespaceName,
  subnetOf,
} from "./plan.ts";

const tableName = (plan: LabPlan): string => `plumb_lab_${plan.subnet}`;

/** A bridge with an address of ours, and a way out for what is behind it. Does nothing where it is there. */
export async function ensureBridge(plan: LabPlan): Promise<void> {
  const bridge = bridgeName(plan);
  if (!(await tryCommand(["ip", "link", "show", bridge]))) {
    await runCommand(["ip", "link", "add", bridge, "type", "bridge"]);
  }
  await runCommand(["ip", "address", "replace", `${bridgeAddress(plan)}/24`, "dev", bridge]);
  await runCommand(["ip", "link", "set", bridge, "up"]);
  await writeFile("/proc/sys/net/ipv4/ip_forward", "1");
  // The tables of the machine itself are not touched; where a firewall of its own forbids forwarding, that stays so.
  const rules = [
    `table ip ${tableName(plan)}`,
    `delete table ip ${tableName(plan)}`,
    `table ip ${tableName(plan)} { chain postrouting { type nat hook postrouting priority srcnat; ip saddr ${subnetOf(plan)} oifname != "${bridge}" masquerade; }; }`,
  ];
  await runCommand(["nft", "-f", "-"], { input: `${rules.join("\n")}\n` });
}

/** The network namespace of a host, with its end of a cable to the bridge. */
export async function ensureHostNetwork(plan: LabPlan, host: LabHost): Promise<void> {
  const namespace = namespaceName(plan.name, host.name);
  const device = deviceName(plan, host);
  await removeHostNetwork(plan, host);
  await runCommand(["ip", "netns", "add", namespace]);
  await runCommand([
    "ip",
    "link",
    "add",
    device,
    "type",
    "veth",
    "peer",
    "name",
    "host0",
    "address",
    hardwareAddress(host.address),
    "netns",
    namespace,
  ]);
  await runCommand(["ip", "link", "set", device, "master", bridgeName(plan), "up"]);
  const inside = async (...args: string[]): Promise<string> => runCommand(["ip", "-n", namespace, ...args]);
  await inside("link", "set", "lo", "up");
  await inside("address", "add", `${host.address}/24`, "dev", "host0");
  await inside("link", "set", "host0", "up");
  await inside("route", "add", "default", "via", bridgeAddress(plan));
}

/** Always the same for a host, as a machine's is: others remember it for a minute, and send there what is for the host. */
function hardwareAddress(address: string): string {
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  return ["02", "00", ...bytes].join(":");
}

export async function removeHostNetwork(plan: LabPlan, host: LabHost): Promise<void> {
  await tryCommand(["ip", "link", "delete", deviceName(plan, host)]);
  await tryCommand(["ip", "netns", "delete", namespaceName(plan.name, host.name)]);
}

export async function removeBridge(plan: LabPlan): Promise<void> {
  await tryCommand(["ip", "link", "delete", bridgeName(plan)]);
  await tryCommand(["nft", "delete", "table", "ip", tableName(plan)]);
}

/** Takes the first subnet 10.213.N.0/24 that no interface of this machine has, by making its bridge: two labs that start together can't both get it. */
export async function claimSubnet(): Promise<number> {
  const addresses = await runCommand(["ip", "-o", "-4", "address"]);
  for (let subnet = 10; subnet < 250; subnet++) {
    if (addresses.includes(` 10.213.${subnet}.`)) continue;
    if (await tryCommand(["ip", "link", "add", bridgeName({ subnet }), "type", "bridge"])) return subnet;
  }
  throw new Error("no free subnet in 10.213.0.0/16: take other labs down (plumb lab list)");
}

/** The name servers for hosts: a local stub resolver of this machine can't be reached from there. */
export async function resolverConfiguration(): Promise<string> {
  const own = await readFile("/etc/resolv.conf", "utf8");
  if (!/^nameserver\s+127\./m.test(own)) return own;
  return readFile("/run/systemd/resolve/resolv.conf", "utf8").catch(() => own);
}
