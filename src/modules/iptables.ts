import { createHash } from "node:crypto";
import { z } from "zod";
import {
  IPTABLES_FOLDER,
  type IptablesFamily,
  type IptablesQuestion,
  type IptablesState,
  iptablesRules,
  ownTable,
} from "../queries/iptables-rules.ts";
import { type SshConnection, sshConnection } from "../queries/ssh-connection.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { ruleArguments, ruleParams } from "./iptables-rule.ts";
import { defineModule, ModuleFailure } from "./module.ts";

const params = z
  .strictObject({
    table: z.enum(["filter", "nat", "mangle", "raw"]).default("filter").describe("The table."),
    chain: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_-]{0,27}$/, { error: "must be a chain, such as INPUT" })
      .optional()
      .describe("INPUT, FORWARD, OUTPUT, PREROUTING, POSTROUTING, or one of your own."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether the rule should be there."),
    action: z
      .enum(["append", "insert"])
      .default("append")
      .describe("Where a new rule goes: at the end of the chain, or at its beginning."),
    ip_version: z
      .enum(["ipv4", "ipv6"])
      .default("ipv4")
      .describe("Which protocol; a rule for both is two tasks."),
    ...ruleParams,
    comment: z
      .string()
      .regex(/^[^"\n\\]{1,80}$/, { error: 'must be one line of up to 80 letters, without `"` and `\\`' })
      .optional()
      .describe("What it is for."),
    policy: z
      .enum(["ACCEPT", "DROP"])
      .optional()
      .describe("What becomes of packets that no rule of the chain is for."),
    flush: z
      .boolean()
      .default(false)
      .describe("Remove all rules that this module made, of the chain or the whole table."),
    chain_management: z
      .boolean()
      .default(false)
      .describe("Without a rule: make the chain, or with `absent` remove it."),
    allow_lockout: z
      .boolean()
      .default(false)
      .describe("Load it even if it would cut the connection that Plumb came through."),
    wait: z
      .union([z.string(), z.number()])
      .optional()
      .describe("Kept for Ansible's playbooks: nftables changes everything at once."),
    numeric: z.boolean().optional().describe("Kept for Ansible's playbooks."),
  })
  .refine((all) => all.chain !== undefined || all.flush, { error: "give the `chain`", path: ["chain"] })
  .refine((all) => all.policy === undefined || ruleArguments(all).length === 0, {
    error: "is about the chain, and the others are about a rule: take two tasks",
    path: ["policy"],
  })
  .refine(
    (all) => all.flush || all.policy !== undefined || all.chain_management || ruleArguments(all).length > 0,
    {
      error: "say what the rule is for: `jump` at least",
      path: ["jump"],
    },
  );

type Params = z.infer<typeof params>;
type Detail =
  | { kind: "load"; expression: string; remove: number[] }
  | { kind: "remove"; handles: { chain: string; handle: number }[] }
  | { kind: "policy" }
  | { kind: "chain" }
  | { kind: "remove-chain" };

export const iptables = defineModule<
  Params,
  { at: ReturnType<typeof iptablesRules>; ssh: ReturnType<typeof sshConnection> },
  Detail
>({
  name: "iptables",
  summary: "Rules in iptables' words, kept by nftables",
  description:
    "For playbooks that have such rules already; new ones say it better with `nftables`. iptables' own translator (package iptables) puts the rule into nftables' words, and it goes into a table that Plumb owns (`plumb_filter`, `plumb_nat`, …), marked with a comment. It is compared with what is live in the kernel, and kept over a reboot (/etc/nftables.d). Rules that iptables itself has loaded are not touched and not seen: a packet has to get past both. The order of rules is that in which they were made.",
  params,
  examples: [
    {
      title: "Answers, and SSH",
      yaml: "- iptables:\n    chain: INPUT\n    ctstate: [ESTABLISHED, RELATED]\n    jump: ACCEPT\n- iptables:\n    chain: INPUT\n    protocol: tcp\n    destination_port: 22\n    ctstate: [NEW]\n    jump: ACCEPT\n    comment: administrators\n- iptables:\n    chain: INPUT\n    policy: DROP\n",
    },
    {
      title: "A port that leads to another",
      yaml: "- iptables:\n    table: nat\n    chain: PREROUTING\n    protocol: tcp\n    destination_port: 80\n    jump: REDIRECT\n    to_ports: 8080\n",
    },
    {
      title: "No longer",
      yaml: "- iptables:\n    chain: INPUT\n    protocol: tcp\n    destination_port: 8080\n    jump: ACCEPT\n    state: absent\n",
    },
  ],
  returns: { rule: "The rule as iptables would take it.", chain: "The chain.", ip_version: "The protocol." },
  queries: (want) => ({ at: iptablesRules(questionOf(want)), ssh: sshConnection("own", "login") }),
  diff: (want, { at, ssh }, { changesPending }) => {
    const question = questionOf(want);
    const data = {
      rule: `-A ${want.chain ?? ""} ${question.rule.join(" ")}`.trim(),
      chain: want.chain ?? null,
      ip_version: want.ip_version,
    };
    if (!at.hasNft && !changesPending)
      throw new ModuleFailure("nft is not installed on the host", {
        hint: "install the package nftables before",
      });
    const needed = neededChange(want, question, at, changesPending);
    if (needed === undefined) return { action: "none", reason: "the kernel has it so", data };
    // In check mode the rule that lets us in may be one that an earlier task would add.
    if (!want.allow_lockout && !changesPending && ssh.connection !== undefined)
      refuseLockout(want, at, ssh.connection);
    const { detail, difference } = needed;
    const isNew = difference.kind === "field" && difference.before === "absent";
    const isRemoval = want.state === "absent" || detail.kind === "remove";
    return {
      action: isRemoval ? "delete" : isNew ? "create" : "update",
      summary: needed.summary,
      differences: [difference],
      detail,
      data,
    };
  },
  steps: (change, want) => [
    {
      kind: "script",
      title: change.summary,
      script: changeScript(change.detail, want),
      // An earlier task may make the chain that is jumped to.
      trials: [{ script: tryScript(change.detail, want), mayBeMade: true }],
    },
  ],
});

const familyOf = ({ ip_version: version }: Params): IptablesFamily => (version === "ipv4" ? "ip" : "ip6");

function questionOf(want: Params): IptablesQuestion {
  const rule = want.flush || want.policy !== undefined ? [] : ruleArguments(want);
  const family = familyOf(want);
  const mark = createHash("sha256")
    .update(JSON.stringify([family, want.table, want.chain, rule]))
    .digest("hex")
    .slice(0, 12);
  return { family, table: want.table, chain: want.chain, rule, mark };
}

interface Needed {
  summary: string;
  difference: Difference;
  detail: Detail;
}

/** @throws ModuleFailure when the rule can't be translated. */
function neededChange(
  want: Params,
  { rule, mark }: IptablesQuestion,
  at: IptablesState,
  changesPending: boolean,
): Needed | undefined {
  const field = (name: string, before: string, after: string): Difference => ({
    kind: "field",
    name,
    before,
    after,
  });
  const chain = want.chain ?? "";
  if (want.flush) {
    const handles = at.rules.filter((one) => want.chain === undefined || one.chain === want.chain);
    return handles.length === 0
      ? undefined
      : {
          summary: `flush ${want.chain ?? want.table}`,
          difference: field("rules", String(handles.length), "0"),
          detail: { kind: "remove", handles },
        };
  }
  if (want.policy !== undefined) {
    const policy = at.chains.get(chain) ?? "accept";
    return policy === want.policy.toLowerCase()
      ? undefined
      : {
          summary: `set the policy of ${chain} to ${want.policy}`,
          difference: field(`policy of ${chain}`, policy, want.policy.toLowerCase()),
          detail: { kind: "policy" },
        };
  }
  if (rule.length === 0) {
    if (at.chains.has(chain) === (want.state === "present")) return undefined;
    return want.state === "present"
      ? {
          summary: `make the chain ${chain}`,
          difference: field(chain, "absent", "present"),
          detail: { kind: "chain" },
        }
      : {
          summary: `remove the chain ${chain}`,
          difference: field(chain, "present", "absent"),
          detail: { kind: "remove-chain" },
        };
  }
  const marked = at.rules.filter((one) => one.chain === chain && one.text.includes(`comment "plumb:${mark}`));
  const written = `${chain} ${rule.join(" ")}`;
  if (want.state === "absent")
    return marked.length === 0
      ? undefined
      : {
          summary: `remove the rule ${written}`,
          difference: field(written, "present", "absent"),
          detail: { kind: "remove", handles: marked },
        };
  const [live] = marked;
  if (marked.length === 1 && live !== undefined && live.text === at.kept) return undefined;
  const { translation } = at;
  if (translation === undefined && !changesPending)
    throw new ModuleFailure("iptables-translate is not installed on the host", {
      hint: "install the package iptables before",
    });
  if (translation !== undefined && "refusal" in translation)
    throw new ModuleFailure(`nftables has no words for this rule: ${translation.refusal}`, {
      hint: "say it with `nftables`, or change the rule",
    });
  const expression = translation?.expression ?? "";
  return {
    summary: `load the rule ${written}`,
    difference: field(written, live?.text ?? "absent", expression),
    detail: { kind: "load", expression, remove: marked.map(({ handle }) => handle) },
  };
}

/** nftables' hooks for iptables' chains (nft(8), the chain types and priorities of iptables-nft). */
const HOOKS: Readonly<Record<string, string>> = {
  PREROUTING: "prerouting",
  INPUT: "input",
  FORWARD: "forward",
  OUTPUT: "output",
  POSTROUTING: "postrouting",
};

function baseChain(table: Params["table"], chain: string): string | undefined {
  const hook = HOOKS[chain];
  if (hook === undefined) return undefined;
  const priority = {
    filter: "0",
    raw: "-300",
    mangle: "-150",
    nat: hook === "prerouting" || hook === "output" ? "-100" : "100",
  }[table];
  const type = table === "nat" ? "nat" : table === "mangle" && hook === "output" ? "route" : "filter";
  return `{ type ${type} hook ${hook} priority ${priority}; }`;
}

const PREPARE = rawShell("set -eu; umask 077; PATH=$PATH:/usr/sbin:/sbin");

const tryScript = (detail: Detail, want: Params): ShellText =>
  shellLines(PREPARE, sh`printf '%s\n' ${linesOf(detail, want)} | nft -c -f -`);

/** What nft is given, one transaction. */
function linesOf(detail: Detail, want: Params): string[] {
  const question = questionOf(want);
  const own = ownTable(question);
  const chain = want.chain ?? "";
  const base = baseChain(want.table, chain);
  const head = [
    `add table ${own.join(" ")}`,
    ...(chain === "" ? [] : [`add chain ${own.join(" ")} ${chain} ${base ?? ""}`.trim()]),
  ];
  const comment = `plumb:${question.mark}${want.comment === undefined ? "" : ` ${want.comment}`}`;
  return {
    load: () =>
      detail.kind !== "load"
        ? []
        : [
            ...head,
            ...detail.remove.map((handle) => `delete rule ${own.join(" ")} ${chain} handle ${handle}`),
            `${want.action === "insert" ? "insert" : "add"} rule ${own.join(" ")} ${chain} ${detail.expression} comment "${comment}"`,
          ],
    remove: () =>
      detail.kind !== "remove"
        ? []
        : detail.handles.map((one) => `delete rule ${own.join(" ")} ${one.chain} handle ${one.handle}`),
    policy: () => [
      ...head,
      `add chain ${own.join(" ")} ${chain} { policy ${(want.policy ?? "ACCEPT").toLowerCase()}; }`,
    ],
    chain: () => head,
    "remove-chain": () => [`delete chain ${own.join(" ")} ${chain}`],
  }[detail.kind]();
}

function changeScript(detail: Detail, want: Params): ShellText {
  const question = questionOf(want);
  const own = ownTable(question);
  const chain = want.chain ?? "";
  const kept = `${IPTABLES_FOLDER}/${question.mark}`;
  return shellLines(
    PREPARE,
    sh`mkdir -p -- ${IPTABLES_FOLDER} /etc/nftables.d`,
    // One transaction: all of it or nothing.
    sh`printf '%s\n' ${linesOf(detail, want)} | nft -f -`,
    detail.kind === "load"
      ? sh`nft -s list chain ${own} ${chain} | grep -F ${`comment "plumb:${question.mark}`} | sed 's/^[[:space:]]*//; s/[[:space:]]*$//' > ${`${kept}.new`}; mv -f -- ${`${kept}.new`} ${kept}`
      : detail.kind === "remove"
        ? sh`rm -f -- ${kept}`
        : undefined,
    keepOverReboot(),
  );
}

const KEPT_FILE = "/etc/nftables.d/plumb-iptables.nft";
/** The same line as the module `nftables` writes: it reads all files of the folder. */
const INCLUDE = 'include "/etc/nftables.d/*.nft"';

function keepOverReboot(): ShellText {
  return shellLines(
    sh`{ echo '# Managed by Plumb: rules of the module iptables.'; for own in $(nft list tables | awk '$3 ~ /^plumb_(filter|nat|mangle|raw)$/ {print $2 "/" $3}'); do family="\${own%/*}"; name="\${own#*/}"; printf 'table %s %s\n' "$family" "$name"; printf 'delete table %s %s\n' "$family" "$name"; nft -s list table "$family" "$name"; done; } > ${`${KEPT_FILE}.new`}`,
    sh`chmod 0644 ${`${KEPT_FILE}.new`}; nft -c -f ${`${KEPT_FILE}.new`}; sync -- ${`${KEPT_FILE}.new`}; mv -f -- ${`${KEPT_FILE}.new`} ${KEPT_FILE}`,
    rawShell(
      "[ -e /etc/nftables.conf ] || { printf '#!/usr/sbin/nft -f\\n\\nflush ruleset\\n' > /etc/nftables.conf; chmod 0755 /etc/nftables.conf; }",
    ),
    sh`grep -qF ${INCLUDE} /etc/nftables.conf || printf '\n%s\n' ${INCLUDE} >> /etc/nftables.conf`,
    rawShell("systemctl -q is-enabled nftables.service || systemctl -q enable nftables.service"),
  );
}

/** New connections of Plumb's must still get in. @throws ModuleFailure */
function refuseLockout(want: Params, at: IptablesState, ssh: NonNullable<SshConnection>): void {
  if (want.chain !== "INPUT" || want.table !== "filter" || want.state === "absent") return;
  const isIpv6 = ssh.clientAddress.includes(":") && !ssh.clientAddress.startsWith("::ffff:");
  if (isIpv6 !== (want.ip_version === "ipv6")) return;
  const letsIn = at.rules.some(
    ({ chain, text }) =>
      chain === "INPUT" &&
      /\baccept\b/.test(text) &&
      (!/\bdport\b/.test(text) || new RegExp(`dport \\{?[^}]*\\b(${ssh.serverPort}|ssh)\\b`).test(text)) &&
      !/ct state (established|related)/.test(text) &&
      !/iifname/.test(text),
  );
  // What is put before them all comes before the rule that lets Plumb in, too.
  if (letsIn && (want.action === "append" || want.policy !== undefined)) return;
  const ports = [want.destination_port, ...(want.destination_ports ?? [])]
    .filter((one) => one !== undefined)
    .map(String);
  const refusesAll = want.policy === "DROP";
  const refusesSsh =
    (want.jump === "DROP" || want.jump === "REJECT") &&
    (want.protocol === undefined || ["tcp", "all", "6"].includes(want.protocol)) &&
    (ports.length === 0 || ports.includes(String(ssh.serverPort))) &&
    want.source === undefined &&
    want.in_interface === undefined &&
    want.uid_owner === undefined &&
    want.limit === undefined &&
    (want.ctstate.length === 0 || want.ctstate.includes("NEW"));
  if (!refusesAll && !refusesSsh) return;
  throw new ModuleFailure(
    `this would lock Plumb out: no rule of INPUT lets ${ssh.clientAddress} in to port ${ssh.serverPort}`,
    {
      hint: `make one before: {chain: INPUT, protocol: tcp, destination_port: ${ssh.serverPort}, jump: ACCEPT}; allow_lockout: true loads it all the same`,
    },
  );
}
