import { z } from "zod";

const word = z
  .string()
  .min(1)
  .regex(/^(! ?)?[^\s"'\\{}#;-][^\s"'\\{};]*$/, {
    error: "must be one word, with `!` before it to mean all others",
  });
const text = z
  .string()
  .regex(/^[^"\n\\]{1,64}$/, { error: 'must be one line of up to 64 letters, without `"` and `\\`' });
const port = z.union([z.number().int().min(0).max(65535), word]);
const number = z.union([z.number().int().min(0), word]);

/** What a rule of iptables(8) says: Ansible's names. */
export const ruleParams = {
  protocol: word.optional().describe("tcp, udp, icmp, ipv6-icmp, all, or a number."),
  source: word.optional().describe("From which address or network."),
  destination: word.optional().describe("To which address or network."),
  in_interface: word
    .optional()
    .describe("Through which interface it came in; `+` at its end: all that begin so."),
  out_interface: word.optional().describe("Through which it goes out."),
  source_port: port.optional().describe("From which port, or range as 1024:2048."),
  destination_port: port.optional().describe("To which port, or range as 8000:8100."),
  destination_ports: z
    .array(port)
    .min(1)
    .optional()
    .describe("To which ports; `protocol` has to be tcp or udp."),
  ctstate: z
    .array(z.enum(["INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED", "SNAT", "DNAT"]))
    .default([])
    .describe("States of the connection."),
  match: z
    .array(word)
    .default([])
    .describe("More of iptables' matches by name; those that parameters need are there."),
  tcp_flags: z
    .strictObject({ flags: z.array(word).min(1), flags_set: z.array(word).min(1) })
    .optional()
    .describe("`flags`: which are looked at; `flags_set`: which of them are set."),
  syn: z
    .enum(["ignore", "match", "negate"])
    .default("ignore")
    .describe("The first packet of a TCP connection, or all others."),
  icmp_type: number.optional().describe("Type of ICMP."),
  src_range: word.optional().describe("From which addresses, as 10.0.0.1-10.0.0.9."),
  dst_range: word.optional().describe("To which addresses."),
  limit: word.optional().describe("How often at most: 5/minute."),
  limit_burst: number.optional().describe("How many before the limit counts."),
  uid_owner: number.optional().describe("Sent by this user."),
  gid_owner: number.optional().describe("Sent by this group."),
  jump: word
    .optional()
    .describe(
      "What becomes of it: ACCEPT, DROP, REJECT, LOG, RETURN, DNAT, SNAT, MASQUERADE, REDIRECT, or a chain.",
    ),
  goto: word.optional().describe("A chain that it goes to, and does not come back from."),
  reject_with: word.optional().describe("What the sender is told: icmp-port-unreachable, tcp-reset."),
  log_prefix: text.optional().describe("What a line of the log begins with."),
  log_level: number.optional().describe("How important it is."),
  to_destination: word.optional().describe("With DNAT: the new destination."),
  to_source: word.optional().describe("With SNAT: the new source."),
  to_ports: port.optional().describe("With REDIRECT and MASQUERADE: the new port."),
} as const;

const schema = z.object(ruleParams);
export type RuleParams = z.infer<typeof schema>;

/** The rule as iptables(8) takes it, after the chain. */
export function ruleArguments(want: RuleParams): string[] {
  const option = (flag: string, value: string | number | undefined): string[] => {
    if (value === undefined) return [];
    const written = String(value);
    return written.startsWith("!") ? ["!", flag, written.slice(1).trim()] : [flag, written];
  };
  const match = (name: string, ...options: readonly string[]): string[] =>
    options.length === 0 ? [] : ["-m", name, ...options];
  const log = want.log_prefix !== undefined || want.log_level !== undefined;
  return [
    ...option("-p", want.protocol),
    ...option("-s", want.source),
    ...option("-d", want.destination),
    ...option("-i", want.in_interface),
    ...option("-o", want.out_interface),
    ...want.match.flatMap((name) => ["-m", name]),
    ...option("--sport", want.source_port),
    ...option("--dport", want.destination_port),
    ...match("multiport", ...option("--dports", want.destination_ports?.join(","))),
    ...(want.tcp_flags === undefined
      ? []
      : ["--tcp-flags", want.tcp_flags.flags.join(","), want.tcp_flags.flags_set.join(",")]),
    ...(want.syn === "ignore" ? [] : want.syn === "match" ? ["--syn"] : ["!", "--syn"]),
    ...option(
      want.protocol === "ipv6-icmp" || want.protocol === "icmpv6" ? "--icmpv6-type" : "--icmp-type",
      want.icmp_type,
    ),
    ...match("iprange", ...option("--src-range", want.src_range), ...option("--dst-range", want.dst_range)),
    ...match(
      "conntrack",
      ...option("--ctstate", want.ctstate.length === 0 ? undefined : want.ctstate.join(",")),
    ),
    ...match("limit", ...option("--limit", want.limit), ...option("--limit-burst", want.limit_burst)),
    ...match("owner", ...option("--uid-owner", want.uid_owner), ...option("--gid-owner", want.gid_owner)),
    ...option("-j", want.jump ?? (log ? "LOG" : undefined)),
    ...option("-g", want.goto),
    ...option("--reject-with", want.reject_with),
    ...option("--log-prefix", want.log_prefix),
    ...option("--log-level", want.log_level),
    ...option("--to-destination", want.to_destination),
    ...option("--to-source", want.to_source),
    ...option("--to-ports", want.to_ports),
  ];
}
