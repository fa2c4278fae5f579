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

const portNumber = z.number().int().min(1).max(65535);
const portRange = z.string().refine(
  (text) => {
    const [first, last] = (/^(\d+)-(\d+)$/.exec(text)?.slice(1) ?? []).map(Number);
    return first !== undefined && last !== undefined && first >= 1 && first < last && last <= 65535;
  },
  { error: "must be a port, or a range such as 8000-8100" },
);

const ruleShape = {
  name: z
    .string()
    .regex(/^[^"\n\\]{1,128}$/, { error: 'must be one line of up to 128 letters, without `"` and `\\`' })
    .describe("What it is for; stands in the rule as its comment."),
  protocol: z
    .enum(["tcp", "udp", "vrrp"])
    .default("tcp")
    .describe("tcp, udp, or vrrp: what keepalived speaks, which has no ports."),
  ports: z
    .array(z.union([portNumber, portRange]))
    .default([])
    .describe("Ports of this host, and ranges such as 8000-8100."),
  sources: z
    .array(network)
    .min(1, {
      error:
        "is empty, and would let everybody in: leave `sources` out if that is meant; where nobody is meant, leave the rule out",
    })
    .default([])
    .describe("Who may; left out: everybody. An empty list is refused: it may be a group without hosts."),
  interface: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,15}$/, {
      error: "must be the name of an interface: up to 15 letters, digits, `_`, `.` and `-`",
    })
    .optional()
    .describe("Only what comes in through this interface."),
};

/** What a firewall lets in: the same for nftables and ufw. */
export const firewallRule = z
  .strictObject(ruleShape)
  .refine(({ protocol, ports }) => (protocol === "vrrp") === (ports.length === 0), {
    error: "tcp and udp need ports, and vrrp has none",
    path: ["ports"],
  });

export type FirewallRule = z.infer<typeof firewallRule>;

/** What nftables can say besides: the first rule that fits decides. */
export const nftablesRule = z
  .strictObject({
    ...ruleShape,
    verdict: z
      .enum(["accept", "drop", "reject"])
      .default("accept")
      .describe(
        "What becomes of it. To `drop` and `reject` need no ports: then it is all that comes from `sources`.",
      ),
    rule: z
      .string()
      .regex(/^[^\n"]+$/, { error: "must be one line without double quotes" })
      .optional()
      .describe(
        "All of it in nft's own words, instead, such as `tcp dport 22 ct state new limit rate 10/minute accept`.",
      ),
  })
  .refine(
    (all) =>
      all.rule === undefined ||
      (all.ports.length === 0 &&
        all.sources.length === 0 &&
        all.interface === undefined &&
        all.protocol === "tcp" &&
        all.verdict === "accept"),
    { error: "says all of it: leave out the others but `name`", path: ["rule"] },
  )
  .refine(
    ({ rule, protocol, ports, verdict, sources, interface: device }) =>
      rule !== undefined ||
      (protocol === "vrrp") === (ports.length === 0) ||
      (verdict !== "accept" && ports.length === 0 && (sources.length > 0 || device !== undefined)),
    { error: "tcp and udp need ports, and vrrp has none", path: ["ports"] },
  );

export type NftablesRule = z.infer<typeof nftablesRule>;

/**
 * Answers to the connection of now would pass, but nobody could connect again.
 *
 * @param isTried a new connection will tell in the end: what rules in nft's own words let in is left to that.
 * @throws ModuleFailure
 */
export function refuseLockout(
  rules: readonly (FirewallRule | NftablesRule)[],
  ssh: SshConnection,
  isTried = false,
): void {
  if (ssh === undefined) return;
  const client = ssh.clientAddress.replace(/^::ffff:/, "");
  const isOwnWords = (rule: FirewallRule | NftablesRule): boolean =>
    "rule" in rule && rule.rule !== undefined;
  const decides = rules.find(
    (rule) =>
      !isOwnWords(rule) &&
      rule.protocol === "tcp" &&
      rule.interface === undefined &&
      (rule.ports.length === 0 || rule.ports.some((port) => holds(port, ssh.serverPort))) &&
      (rule.sources.length === 0 || covers(rule.sources, client)),
  );
  if (decides !== undefined && (!("verdict" in decides) || decides.verdict === "accept")) return;
  if (decides === undefined && isTried && rules.some(isOwnWords)) return;
  const why = decides === undefined ? "none lets" : `\`${decides.name}\` does not let`;
  throw new ModuleFailure(
    `these rules would lock Plumb out: ${why} ${client} in to the SSH port ${ssh.serverPort}`,
    {
      hint: `add a rule such as {name: ssh, ports: [${ssh.serverPort}], sources: [${client}]}; allow_lockout: true loads them all the same`,
      findings: [{ path: ["rules"], message: `no rule lets ${client} in to port ${ssh.serverPort}` }],
    },
  );
}

function holds(port: number | string, wanted: number): boolean {
  const [first = 0, last = first] = String(port).split("-").map(Number);
  return first <= wanted && wanted <= last;
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
