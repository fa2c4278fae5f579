import { BlockList, isIP, isIPv4 } from "node:net";
import { z } from "zod";
import type { SshConnection } from "../queries/ssh-connection.ts";
import { ModuleFailure } from "./module.ts";

const network = z.string().refine(
  (text) => {
    const [address = "", bits] = text.split("/");
    return (
      isIP(address) !== 0 &&
      (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128)))
    );
  },
  { error: "must be an address or a network, such as 10.0.0.0/8" },
);

/** What a firewall lets in: the same for nftables and ufw. */
export const firewallRule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^"\n\\]{1,128}$/, { error: "must be one line without quotes" })
      .describe("What it is for; stands in the rule as its comment."),
    protocol: z
      .enum(["tcp", "udp", "vrrp"])
      .default("tcp")
      .describe("tcp, udp, or vrrp: what keepalived speaks, which has no ports."),
    ports: z.array(z.number().int().min(1).max(65535)).default([]).describe("Ports of this host."),
    sources: z.array(network).default([]).describe("Who may; empty: everybody."),
    interface: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,15}$/)
      .optional()
      .describe("Only what comes in through this interface."),
  })
  .refine(({ protocol, ports }) => (protocol === "vrrp") === (ports.length === 0), {
    error: "tcp and udp need ports, and vrrp has none",
    path: ["ports"],
  });

export type FirewallRule = z.infer<typeof firewallRule>;

/** Answers to the connection of now would pass, but nobody could connect again. @throws ModuleFailure */
export function refuseLockout(rules: readonly FirewallRule[], ssh: SshConnection): void {
  if (ssh === undefined) return;
  const client = ssh.clientAddress.replace(/^::ffff:/, "");
  const letsIn = rules.some(
    ({ protocol, ports, sources, interface: device }) =>
      protocol === "tcp" &&
      device === undefined &&
      ports.includes(ssh.serverPort) &&
      (sources.length === 0 || covers(sources, client)),
  );
  if (letsIn) return;
  throw new ModuleFailure(
    `these rules would lock Plumb out: none lets ${client} in to the SSH port ${ssh.serverPort}`,
    {
      hint: `add a rule such as {name: ssh, ports: [${ssh.serverPort}], sources: [${client}]}; allow_lockout: true loads them all the same`,
      findings: [{ path: ["rules"], message: `no rule lets ${client} in to port ${ssh.serverPort}` }],
    },
  );
}

function covers(sources: readonly string[], client: string): boolean {
  const list = new BlockList();
  for (const source of sources) {
    const [address = "", bits] = source.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    list.addSubnet(address, bits === undefined ? (family === "ipv4" ? 32 : 128) : Number(bits), family);
  }
  return list.check(client, isIPv4(client) ? "ipv4" : "ipv6");
}
