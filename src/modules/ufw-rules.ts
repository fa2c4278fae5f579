import { z } from "zod";
import { sshConnection } from "../queries/ssh-connection.ts";
import { ufwState } from "../queries/ufw-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { type FirewallRule, firewallRule, refuseLockout } from "./firewall-rule.ts";
import { defineModule } from "./module.ts";
import { sameUfwRule } from "./ufw.ts";

const params = z.strictObject({
  rules: z.array(firewallRule).describe("What is let in, as the module `nftables` takes it."),
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
      title: "Only SSH, from two networks",
      yaml: "- ufw_rules:\n    rules:\n      - {name: ssh, ports: [22], sources: [10.0.0.0/8, 192.168.0.0/16]}\n",
    },
  ],
  queries: () => ({ at: ufwState("own"), ssh: sshConnection("own", "login") }),
  diff: (want, { at, ssh }) => {
    if (want.default !== "allow" && !want.allow_lockout) refuseLockout(want.rules, ssh.connection);
    const wanted = want.rules.flatMap(wordsOf);
    const owned = at.rules.filter((_, index) => at.comments[index]?.startsWith(OWNED) === true);
    const detail: RuleChange = {
      add: wanted.filter(({ words }) => !owned.some((rule) => sameUfwRule(rule, words))),
      remove: owned.filter((rule) => !wanted.some(({ words }) => sameUfwRule(rule, words))),
      policy: at.defaultIn !== want.default,
      enable: !at.enabled,
    };
    const field = (name: string, before: string, after: string): Difference => ({
      kind: "field",
      name,
      before,
      after,
    });
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

/** New rules before old ones go, and the default last: nobody is cut off in between. */
function script({ add, remove, policy, enable }: RuleChange, want: Params): ShellText {
  return shellLines(
    rawShell("set -e"),
    ...add.map(({ words, comment }) => sh`ufw ${words} comment ${comment}`),
    ...remove.map((rule) => sh`ufw --force delete ${rule.split(/\s+/)}`),
    policy ? sh`ufw default ${want.default} incoming` : undefined,
    enable ? rawShell("ufw --force enable") : undefined,
  );
}

function wordsOf({ name, protocol, ports, sources, interface: device }: FirewallRule): Wanted[] {
  return (sources.length === 0 ? ["any"] : sources).map((source) => ({
    words: [
      "allow",
      ...(device === undefined ? [] : ["in", "on", device]),
      ...["proto", protocol, "from", source, "to", "any", "port", ports.join(",")],
    ],
    comment: `${OWNED}${name.replaceAll("'", " ")}`,
  }));
}
