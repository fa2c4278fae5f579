import { z } from "zod";
import { sshConnection } from "../queries/ssh-connection.ts";
import { type UfwState, ufwState } from "../queries/ufw-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Change, Difference } from "./change.ts";
import { type FirewallRule, firewallRule, refuseLockout } from "./firewall-rule.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { sameUfwRule } from "./ufw.ts";

const params = z.strictObject({
  state: z
    .enum(["present", "absent"])
    .default("present")
    .describe(
      "absent: the rules that are Plumb's go, and ufw is turned off when nobody else has rules in it. A host without ufw has none.",
    ),
  rules: z.array(firewallRule).default([]).describe("What is let in, as the module `nftables` takes it."),
  refuse_others: z
    .boolean()
    .default(false)
    .describe("With absent: fail, rather than leave ufw on, where other people's rules are in it."),
  default: z
    .enum(["deny", "reject", "allow"])
    .default("deny")
    .describe("What becomes of packets to this host that no rule is for."),
  allow_lockout: z
    .boolean()
    .default(false)
    .describe("Set the rules even if nobody could connect to SSH any more."),
});

type Params = z.infer<typeof params>;

interface Wanted {
  words: readonly string[];
  comment: string;
}

interface RuleChange {
  add: readonly Wanted[];
  remove: readonly string[];
  policy: boolean;
  enable: boolean;
  disable: boolean;
}

/** Rules with this in front of their comment are ours, and go when they are not wanted any more. */
const OWNED = "plumb: ";

export const ufwRules = defineModule<
  Params,
  { at: ReturnType<typeof ufwState>; ssh: ReturnType<typeof sshConnection> },
  RuleChange
>({
  name: "ufw_rules",
  summary: "All that ufw lets in on Plumb's account, and ufw turned on",
  description:
    "The rules carry a comment that begins with `plumb: `. Those that are no longer wanted are removed; other people's rules stay. Rules that would lock Plumb out of SSH are refused.",
  params,
  examples: [
    {
      title: "SSH for all, PgBouncer for the applications",
      yaml: "- ufw_rules:\n    rules:\n      - {name: ssh, ports: [22]}\n      - {name: pgbouncer, ports: [6432], sources: [10.0.1.0/24]}\n",
    },
    {
      title: "keepalived's other host",
      yaml: "- ufw_rules:\n    rules:\n      - {name: ssh, ports: [22]}\n      - {name: vrrp, protocol: vrrp, sources: [10.0.1.12]}\n",
    },
    {
      title: "nftables has taken over",
      yaml: "- ufw_rules: {state: absent, refuse_others: true}\n",
    },
    {
      title: "Only SSH, from two networks",
      yaml: "- ufw_rules:\n    rules:\n      - {name: ssh, ports: [22], sources: [10.0.0.0/8, 192.168.0.0/16]}\n",
    },
  ],
  returns: { others: "With absent: how many rules in it are other people's." },
  queries: ({ state }) => ({
    at: ufwState(state === "absent" ? "if-installed" : "own"),
    ssh: sshConnection("own", "login"),
  }),
  diff: (want, { at, ssh }) => {
    if (want.state === "absent") return withoutRules(want, at);
    if (want.default !== "allow" && !want.allow_lockout) refuseLockout(want.rules, ssh.connection);
    const wanted = want.rules.flatMap(wordsOf);
    const owned = at.rules.filter((_, index) => at.comments[index]?.startsWith(OWNED) === true);
    const detail: RuleChange = {
      add: wanted.filter(({ words }) => !owned.some((rule) => sameUfwRule(rule, words))),
      remove: owned.filter((rule) => !wanted.some(({ words }) => sameUfwRule(rule, words))),
      policy: at.defaultIn !== want.default,
      enable: !at.enabled,
      disable: false,
    };
    const differences = [
      ...detail.add.map(({ words }) => field(words.join(" "), "absent", "present")),
      ...detail.remove.map((rule) => field(rule, "present", "absent")),
      ...(detail.policy ? [field("default in", at.defaultIn ?? "unknown", want.default)] : []),
      ...(detail.enable ? [field("state", "disabled", "enabled")] : []),
    ];
    if (differences.length === 0) return { action: "none", reason: `ufw has the ${wanted.length} rules` };
    return { action: "update", summary: "set the rules of ufw", differences, detail };
  },
  steps: (change, want) => [{ kind: "script", title: change.summary, script: script(change.detail, want) }],
});

function withoutRules({ refuse_others }: Params, { enabled, rules, comments }: UfwState): Change<RuleChange> {
  const isOwned = (_: string, index: number): boolean => comments[index]?.startsWith(OWNED) === true;
  const others = rules.filter((rule, index) => !isOwned(rule, index));
  if (refuse_others && enabled && others.length > 0)
    throw new ModuleFailure(
      `ufw is on, and has rules that are not Plumb's: ${others.join("; ")}. What comes in would have to pass two firewalls`,
      { hint: "write what they let in into firewall_rules and `ufw disable`, or stay with ufw" },
    );
  const remove = rules.filter(isOwned);
  const disable = enabled && others.length === 0;
  const data = { others: others.length };
  if (remove.length === 0 && !disable) return { action: "none", reason: "ufw has no rules of Plumb's", data };
  return {
    action: "delete",
    summary: disable ? "turn ufw off" : "take Plumb's rules out of ufw",
    differences: [
      ...remove.map((rule) => field(rule, "present", "absent")),
      ...(disable ? [field("state", "enabled", "disabled")] : []),
    ],
    detail: { add: [], remove, policy: false, enable: false, disable },
    data,
  };
}

const field = (name: string, before: string, after: string): Difference => ({
  kind: "field",
  name,
  before,
  after,
});

/** Turned off, ufw leaves its chains behind, empty, and what leads into them. */
const NO_CHAINS = rawShell(`for family in ip ip6; do
  nft list table $family filter >/dev/null 2>&1 || continue
  nft -a list table $family filter | awk '$1 == "chain" { chain = $2 } / jump ufw6?-/ { print chain, $NF }' | while read -r chain handle; do
    nft delete rule $family filter "$chain" handle "$handle"
  done
  nft list table $family filter | awk '$1 == "chain" && $2 ~ /^ufw6?-/ { print $2 }' | while read -r chain; do nft delete chain $family filter "$chain"; done
  # A table in which nothing is left is iptables' own, made when ufw began.
  nft list table $family filter | awk '$1 ~ /^(table|chain|type|}|)$/ { next } { found = 1 } END { exit found }' && nft delete table $family filter
done
true`);

/** New rules before old ones go, and the default last: nobody is cut off in between. */
function script({ add, remove, policy, enable, disable }: RuleChange, want: Params): ShellText {
  return shellLines(
    rawShell("set -e"),
    // Off first: without its rules, and on, ufw would let nobody in.
    disable ? rawShell("ufw --force disable") : undefined,
    ...add.map(({ words, comment }) => sh`ufw ${words} comment ${comment}`),
    ...remove.map((rule) => sh`ufw --force delete ${rule.split(/\s+/)}`),
    policy ? sh`ufw default ${want.default} incoming` : undefined,
    enable ? rawShell("ufw --force enable") : undefined,
    disable ? NO_CHAINS : undefined,
  );
}

function wordsOf({ name, protocol, ports, sources, interface: device }: FirewallRule): Wanted[] {
  return (sources.length === 0 ? ["any"] : sources).map((source) => ({
    words: [
      "allow",
      ...(device === undefined ? [] : ["in", "on", device]),
      ...["proto", protocol, "from", source, "to", "any"],
      ...(ports.length === 0 ? [] : ["port", ports.join(",").replaceAll("-", ":")]),
    ],
    comment: `${OWNED}${name.replaceAll("'", " ")}`,
  }));
}
