import { createHash } from "node:crypto";
import { isIPv4 } from "node:net";
import { z } from "zod";
import { keptListing, nftablesTable } from "../queries/nftables-table.ts";
import { pathState } from "../queries/path-state.ts";
import { sshConnection } from "../queries/ssh-connection.ts";
import { unitState } from "../queries/unit-state.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { guardedTable, guardSeconds, NFTABLES_CANDIDATE, settleFirewall } from "./firewall-guard.ts";
import { type NftablesRule, nftablesRule, refuseLockout } from "./firewall-rule.ts";
import { defineModule } from "./module.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const params = z.strictObject({
  table: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,31}$/, {
      error: "must be a letter, then letters, digits and `_`, at most 32",
    })
    .default("plumb")
    .describe("Name of the table (family inet) that Plumb owns. Other tables are not touched."),
  state: z.enum(["present", "absent"]).default("present").describe("Whether the table should be there."),
  policy: z
    .enum(["drop", "accept"])
    .default("drop")
    .describe("What becomes of packets to this host that no rule accepts."),
  rules: z
    .array(nftablesRule)
    .default([])
    .describe(
      "What is let in, or kept out, besides answers, loopback and ICMP. The first that fits decides.",
    ),
  text: z
    .string()
    .optional()
    .describe("What else stands in the table, in nft's own words: sets, chains for other hooks."),
  allow_icmp: z.boolean().default(true).describe("Let ICMP in: path MTU discovery and IPv6 need it."),
  allow_lockout: z
    .boolean()
    .default(false)
    .describe("Try the rules even if none of them lets in the connection that Plumb came through."),
  guard_seconds: guardSeconds,
});

type Params = z.infer<typeof params>;

const FOLDER = "/etc/nftables.d";
const INCLUDE = `include "${FOLDER}/*.nft"`;
const INCLUDE_PATTERN = INCLUDE.replaceAll("*", "\\*").replaceAll(".", "\\.");
/** Says that nftables.service was not enabled before. */
const ENABLED_BY_US = "/var/lib/plumb/nftables-enabled";
const fileOf = ({ table }: Params): string => `${FOLDER}/${table}.nft`;

export const nftables = defineModule({
  name: "nftables",
  summary: "The host's firewall: a table of rules that Plumb owns",
  description:
    "The rules are checked with `nft -c`, loaded in one transaction, compared with what is live in the kernel, and kept over a reboot. Other tables stay as they are. Rules that would cut the SSH connection Plumb came through are refused. The others are tried: a timer is armed on the host, the rules are loaded, and Plumb connects anew; only that new connection takes the timer away. If it can't be made, or the controller dies, the old rules come back by themselves.",
  params,
  examples: [
    {
      title: "SSH for all, PgBouncer for the applications",
      yaml: "- nftables:\n    rules:\n      - {name: ssh, ports: [22]}\n      - {name: pgbouncer, ports: [6432], sources: [10.0.1.0/24]}\n",
    },
    {
      title: "keepalived's other host",
      yaml: "- nftables:\n    rules:\n      - {name: ssh, ports: [22]}\n      - {name: vrrp, protocol: vrrp, sources: [10.0.1.12]}\n",
    },
    {
      title: "Somebody who is kept out, a range of ports, and few new connections a minute to SSH",
      yaml: "- nftables:\n    rules:\n      - {name: nuisance, sources: [203.0.113.0/24], verdict: drop}\n      - {name: passive ftp, ports: [21, 40000-40100]}\n      - {name: ssh, rule: 'tcp dport 22 ct state new limit rate 60/minute accept'}\n",
    },
    { title: "No firewall of ours", yaml: "- nftables:\n    state: absent\n" },
  ],
  returns: { table: "The table's name." },
  queries: (want) => ({
    table: nftablesTable(want.table),
    file: pathState({ path: fileOf(want), sha256: true }),
    main: pathState({ path: "/etc/nftables.conf", content: true }),
    service: unitState("nftables.service"),
    ssh: sshConnection("own", "login"),
  }),
  diff: (want, { table, file, main, service, ssh }) => {
    const data = { table: want.table };
    if (want.state === "absent") {
      if (table.live === undefined && file.type === "absent")
        return { action: "none", reason: `there is no table ${want.table}`, data };
      return {
        action: "delete",
        summary: `remove the table ${want.table}`,
        differences: [field("state", "present", "absent")],
        detail: undefined,
        data,
      };
    }
    if (want.policy === "drop" && !want.allow_lockout)
      refuseLockout(want.rules, ssh.connection, want.guard_seconds > 0);
    const text = rulesText(want);
    const differences: Difference[] = [];
    if (table.live === undefined) differences.push(rulesDifference(want, undefined, text));
    else if (table.loadedHash !== hashOf(text))
      differences.push(rulesDifference(want, table.kept ?? table.live, text));
    else if (table.live !== table.kept)
      differences.push(rulesDifference(want, table.live, table.kept ?? text));
    if (file.type !== "file" || file.sha256 !== hashOf(text))
      differences.push(field(fileOf(want), file.type === "absent" ? "absent" : "other rules", "these rules"));
    const included = main.type === "file" && main.content?.toString().includes(INCLUDE) === true;
    if (!included) differences.push(field("/etc/nftables.conf", "does not include the table", "includes it"));
    if (service.file !== "enabled")
      differences.push(field("nftables.service", service.file || "disabled", "enabled"));
    if (differences.length === 0)
      return { action: "none", reason: `the rules of ${want.table} are live`, data };
    return {
      action: table.live === undefined ? "create" : "update",
      summary: `load the rules of ${want.table}`,
      differences,
      detail: undefined,
      data,
    };
  },
  touches: (want) => [
    { kind: "nftables-table", family: "inet", name: want.table },
    { kind: "unit", name: "nftables.service" },
    ...pathsTouched(fileOf(want), keptListing(want.table), "/etc/nftables.conf"),
  ],
  steps: (change, want): Step[] => {
    if (change.action === "delete") {
      const script = shellLines(
        sh`nft delete table inet ${want.table} 2>/dev/null || ! nft list table inet ${want.table} >/dev/null 2>&1 || exit 1`,
        sh`rm -f -- ${fileOf(want)} ${keptListing(want.table)}`,
        // With the last of our tables goes what the first one brought.
        sh`if rmdir -- ${FOLDER} 2>/dev/null && [ -f /etc/nftables.conf ]; then sed -i -e ${`/^$/{N;\\|^\\n${INCLUDE_PATTERN}$|d}`} -e ${`\\|^${INCLUDE_PATTERN}$|d`} /etc/nftables.conf; fi`,
        sh`if [ ! -e ${FOLDER} ] && [ -e ${ENABLED_BY_US} ]; then systemctl -q disable nftables.service; rm -f ${ENABLED_BY_US}; fi`,
      );
      return [{ kind: "script", title: change.summary, script }];
    }
    const text = rulesText(want);
    const seconds = want.guard_seconds;
    const trial: Step[] =
      seconds === 0
        ? []
        : [
            settleFirewall(seconds),
            {
              kind: "write-file",
              title: `check the rules of ${want.table}`,
              path: NFTABLES_CANDIDATE,
              content: { kind: "bytes", bytes: Buffer.from(text) },
              mode: "0600",
              validate: "nft -c -f %s",
            },
            ...guardedTable(want.table, seconds),
          ];
    return [
      ...trial,
      {
        kind: "script",
        title: "make the folder for rules",
        script: sh`mkdir -p -- ${FOLDER} /var/lib/plumb`,
      },
      {
        kind: "write-file",
        title: `write ${fileOf(want)}`,
        path: fileOf(want),
        content: { kind: "bytes", bytes: Buffer.from(text) },
        owner: "root",
        group: "root",
        mode: "0644",
        validate: "nft -c -f %s",
      },
      { kind: "script", title: `keep the rules of ${want.table}`, script: loadScript(want, text) },
    ];
  },
});

function loadScript(want: Params, text: string): ReturnType<typeof sh> {
  const listing = keptListing(want.table);
  return shellLines(
    rawShell("set -eu; umask 077"),
    sh`nft -f ${fileOf(want)}`,
    sh`{ echo ${`# ${hashOf(text)}`}; nft -s list table inet ${want.table}; } > ${`${listing}.new`}`,
    sh`mv -f -- ${`${listing}.new`} ${listing}`,
    rawShell(
      `[ -e /etc/nftables.conf ] || { printf '#!/usr/sbin/nft -f\\n\\nflush ruleset\\n' > /etc/nftables.conf; chmod 0755 /etc/nftables.conf; }`,
    ),
    sh`grep -qF ${INCLUDE} /etc/nftables.conf || printf '\n%s\n' ${INCLUDE} >> /etc/nftables.conf`,
    sh`systemctl -q is-enabled nftables.service || { systemctl -q enable nftables.service; : > ${ENABLED_BY_US}; }`,
  );
}

/** One transaction: the table is made if it is not there, thrown away and made anew, so that there is no moment without rules. */
function rulesText(want: Params): string {
  const lines = [
    "ct state established,related accept",
    "ct state invalid drop",
    'iifname "lo" accept',
    ...(want.allow_icmp ? ["meta l4proto { icmp, ipv6-icmp } accept"] : []),
    ...want.rules.flatMap(ruleLines),
  ];
  return [
    "# Managed by Plumb: changes by hand are undone by the next run.",
    `table inet ${want.table}`,
    `delete table inet ${want.table}`,
    `table inet ${want.table} {`,
    ...(want.text === undefined
      ? []
      : want.text
          .trimEnd()
          .split("\n")
          .map((line) => `\t${line}`)),
    "\tchain input {",
    `\t\ttype filter hook input priority filter; policy ${want.policy};`,
    ...lines.map((line) => `\t\t${line}`),
    "\t}",
    "}",
    "",
  ].join("\n");
}

function ruleLines({
  name,
  protocol,
  ports,
  sources,
  verdict,
  rule,
  interface: device,
}: NftablesRule): string[] {
  if (rule !== undefined) return [`${rule} comment "${name}"`];
  const packets =
    protocol === "vrrp"
      ? ["meta l4proto vrrp"]
      : ports.length === 0
        ? []
        : [`${protocol} dport { ${ports.join(", ")} }`];
  const match = [...(device === undefined ? [] : [`iifname "${device}"`]), ...packets].join(" ");
  const end = `${verdict} comment "${name}"`;
  if (sources.length === 0) return [`${match} ${end}`];
  const four = sources.filter((source) => isIPv4(source.split("/")[0] ?? ""));
  const six = sources.filter((source) => !four.includes(source));
  return [
    ...(four.length === 0 ? [] : [`${match} ip saddr { ${four.join(", ")} } ${end}`.trimStart()]),
    ...(six.length === 0 ? [] : [`${match} ip6 saddr { ${six.join(", ")} } ${end}`.trimStart()]),
  ];
}

function rulesDifference({ table }: Params, before: string | undefined, after: string): Difference {
  return {
    kind: "text",
    name: `live rules of ${table}`,
    ...(before === undefined ? {} : { before: `${before}\n` }),
    after: `${after.trimEnd()}\n`,
  };
}

function field(name: string, before: string, after: string): Difference {
  return { kind: "field", name, before, after };
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");
