import { z } from "zod";
import { ufwState } from "../queries/ufw-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { guardedUfw, guardSeconds, UFW_FOLLOWS_FILES } from "./firewall-guard.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { pathsTouched } from "./subject.ts";

const word = z
  .string()
  .regex(/^[A-Za-z0-9.:/,_-]+$/, { error: "must be an address, a network, a port or a range" });

const params = z
  .strictObject({
    state: z
      .enum(["enabled", "disabled"], {
        error:
          "must be `enabled` or `disabled`: ufw reads its files by itself when it changes them, and `command: ufw --force reset` takes all rules away",
      })
      .optional()
      .describe("Whether the firewall is on, now and after a reboot."),
    default: z
      .enum(["allow", "deny", "reject"])
      .optional()
      .describe("What becomes of packets that no rule is for."),
    direction: z.enum(["in", "out"]).default("in").describe("Of the rule, or of the default."),
    rule: z
      .enum(["allow", "deny", "reject", "limit"])
      .optional()
      .describe("What becomes of what the rule is for."),
    logging: z
      .enum(["on", "off", "low", "medium", "high", "full"])
      .optional()
      .describe("How much is written to the log; `on`: low, unless it is more already."),
    proto: z
      .enum(["any", "tcp", "udp", "ipv6", "esp", "ah", "gre", "igmp"])
      .default("any")
      .describe("Protocol."),
    from_ip: word.default("any").describe("From where."),
    from_port: z.union([z.number().int(), word]).optional().describe("From which port, or range."),
    to_ip: word.default("any").describe("To which address."),
    port: z.union([z.number().int(), word]).optional().describe("To which port, or range as 8000:8100."),
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9 +.-]*$/, {
        error: "must be the name of a profile, as `ufw app list` has it",
      })
      .optional()
      .describe(
        "A profile of an application, such as OpenSSH, instead of `port` and `proto`. `app` is another name for it.",
      ),
    app: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9 +.-]*$/, {
        error: "must be the name of an application profile, such as OpenSSH: `ufw app list` shows them",
      })
      .optional()
      .describe("Another name for `name`."),
    interface: z
      .string()
      .regex(/^[A-Za-z0-9.@_-]+$/, { error: "must be the name of a network interface" })
      .optional()
      .describe("Of the rule: through which interface."),
    log: z.boolean().default(false).describe("Of the rule: write each new connection to the log."),
    insert: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        "Where a new rule goes, counted from 1: the first rule that fits decides. A rule that is there stays where it is.",
      ),
    comment: z
      .string()
      .regex(/^[^'\n]*$/, { error: "must be one line without '" })
      .optional()
      .describe("What the rule is for."),
    delete: z.boolean().default(false).describe("The rule should not be there."),
    allow_lockout: z
      .boolean()
      .default(false)
      .describe("Try to turn the firewall on although no rule lets SSH in."),
    guard_seconds: guardSeconds,
  })
  .refine((all) => (all.state ?? all.default ?? all.logging ?? all.rule) !== undefined, {
    error: "give `rule`, `default`, `logging` or `state`",
    path: ["rule"],
  })
  .refine((all) => (all.name ?? all.app) === undefined || (all.port === undefined && all.proto === "any"), {
    error: "says which ports and protocols: leave out `port` and `proto`",
    path: ["name"],
  })
  .refine((all) => all.name === undefined || all.app === undefined, {
    error: "is another name for `name`: give one",
    path: ["app"],
  });

type Params = z.infer<typeof params>;

export const ufw = defineModule<Params, { at: ReturnType<typeof ufwState> }, number | undefined>({
  name: "ufw",
  summary: "Rules of ufw, Ubuntu's firewall",
  description:
    "Compared with what ufw itself says it has (`ufw show added`, `ufw status verbose`). The module `nftables` does more: it owns a table and compares with the kernel.",
  params,
  examples: [
    {
      title: "SSH first, then on",
      yaml: "- ufw: {rule: allow, port: 22, proto: tcp}\n- ufw: {state: enabled, default: deny}\n",
    },
    {
      title: "The pooler for the applications",
      yaml: "- ufw:\n    rule: allow\n    port: 6432\n    proto: tcp\n    from_ip: 10.0.1.0/24\n",
    },
    {
      title: "Nobody from there, before any rule that lets them in; and tell",
      yaml: "- ufw: {rule: deny, from_ip: 203.0.113.0/24, insert: 1, log: true}\n",
    },
  ],
  queries: () => ({ at: ufwState("own") }),
  diff: (want, { at }, situation) => {
    const differences: Difference[] = [];
    const field = (name: string, before: string, after: string): void =>
      void differences.push({ kind: "field", name, before, after });
    const has = at.rules.some((rule) => sameUfwRule(rule, ruleWords(want)));
    if (want.rule !== undefined && has === want.delete)
      field(ruleWords(want).join(" "), has ? "present" : "absent", want.delete ? "absent" : "present");
    const policy = want.direction === "in" ? at.defaultIn : at.defaultOut;
    if (want.default !== undefined && policy !== want.default)
      field(`default ${want.direction}`, policy ?? "unknown", want.default);
    if (want.state !== undefined && at.enabled !== (want.state === "enabled"))
      field("state", at.enabled ? "enabled" : "disabled", want.state);
    if (
      want.logging !== undefined &&
      !(want.logging === "on" ? at.logging !== "off" : at.logging === want.logging)
    )
      field("logging", at.logging ?? "unknown", want.logging);
    if (
      want.state === "enabled" &&
      !at.enabled &&
      !want.allow_lockout &&
      !situation.changesPending &&
      !at.rules.some((rule) => /^(allow|limit)\b.*\b(22|ssh|OpenSSH)\b/i.test(rule))
    ) {
      throw new ModuleFailure("turning ufw on would lock Plumb out: no rule lets SSH in", {
        hint: "add {rule: allow, port: 22, proto: tcp} before; allow_lockout: true turns it on all the same",
      });
    }
    if (differences.length === 0) return { action: "none", reason: "ufw is as wanted" };
    return {
      action: "update",
      summary: `change ufw: ${differences.map(({ name }) => name).join(", ")}`,
      differences,
      detail: want.insert !== undefined && want.insert <= at.rules.length ? want.insert : undefined,
    };
  },
  touches: () => [
    ...pathsTouched("/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/ufw/ufw.conf", "/etc/default/ufw"),
    { kind: "again", title: "ufw reads its rules", script: UFW_FOLLOWS_FILES },
  ],
  steps: (change, want) => {
    const script = ufwScript(change.differences, want, change.detail);
    return want.guard_seconds === 0
      ? [{ kind: "script", title: change.summary, script }]
      : guardedUfw(change.summary, script, want.guard_seconds);
  },
});

function ufwScript(
  differences: readonly Difference[],
  want: Params,
  position: number | undefined,
): ShellText {
  const changes = (name: string): boolean => differences.some((one) => one.name === name);
  const comment = want.comment === undefined || want.delete ? [] : ["comment", want.comment];
  return shellLines(
    rawShell("set -e"),
    want.rule !== undefined && changes(ruleWords(want).join(" "))
      ? sh`ufw ${want.delete ? ["delete"] : position === undefined ? [] : ["insert", position]} ${ruleWords(want)} ${comment}`
      : undefined,
    want.default !== undefined && changes(`default ${want.direction}`)
      ? sh`ufw default ${want.default} ${want.direction === "in" ? "incoming" : "outgoing"}`
      : undefined,
    want.logging !== undefined && changes("logging") ? sh`ufw logging ${want.logging}` : undefined,
    want.state !== undefined && changes("state")
      ? sh`ufw --force ${want.state === "enabled" ? "enable" : "disable"}`
      : undefined,
  );
}

function ruleWords(want: Params): string[] {
  return [
    want.rule ?? "allow",
    ...(want.interface === undefined
      ? want.direction === "out"
        ? ["out"]
        : []
      : [want.direction, "on", want.interface]),
    ...(want.log ? ["log"] : []),
    ...(want.proto === "any" ? [] : ["proto", want.proto]),
    ...["from", want.from_ip],
    ...(want.from_port === undefined ? [] : ["port", String(want.from_port)]),
    ...["to", want.to_ip],
    ...(want.port === undefined ? [] : ["port", String(want.port)]),
    ...((want.name ?? want.app) === undefined ? [] : ["app", want.name ?? want.app ?? ""]),
  ];
}

/** `ufw show added` writes short forms, such as `allow 22/tcp`: both are brought to the same parts. */
export function sameUfwRule(added: string, wanted: readonly string[]): boolean {
  return partsOf(wordsOf(added)) === partsOf(wanted);
}

/** A profile's name may have blanks: ufw puts it into quotes then. */
function wordsOf(added: string): string[] {
  return [...added.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

/** What stands alone for a profile, as in `allow OpenSSH`: none of ufw's own words. */
function shortProfile(words: readonly string[]): string | undefined {
  const rest = words.slice(1).filter((word) => !["in", "out", "log", "log-all"].includes(word));
  const [first = ""] = rest;
  return rest.length === 1 && !/^[\d:,]+(\/\w+)?$/.test(first) ? first : undefined;
}

function partsOf(words: readonly string[]): string {
  const after = (name: string, of = words): string | undefined => {
    const index = of.indexOf(name);
    return index === -1 ? undefined : of[index + 1];
  };
  // `port` stands behind `from` for theirs, and behind `to` for ours.
  const to = words.indexOf("to");
  const [theirs, ours] = to === -1 ? [words, []] : [words.slice(0, to), words.slice(to)];
  const short = words.find(
    (one, index) =>
      index > 0 &&
      /^\d[\d:,]*(\/(tcp|udp))?$/.test(one) &&
      !["from", "to", "port", "proto"].includes(words[index - 1] ?? ""),
  );
  const [shortPort, shortProto] = short?.split("/") ?? [];
  return [
    words[0],
    words.includes("out") ? "out" : "in",
    after("on") ?? "",
    words.includes("log-all") ? "log-all" : words.includes("log") ? "log" : "",
    after("app") ?? shortProfile(words) ?? "",
    after("proto") ?? shortProto ?? "any",
    after("from") ?? "any",
    after("to") ?? "any",
    after("port", theirs) ?? "",
    after("port", ours) ?? shortPort ?? "",
  ].join(" ");
}
