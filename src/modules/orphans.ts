import { z } from "zod";
import { type MadeThing, madeThings } from "../queries/made-things.ts";
import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { defineLoadingModule, ModuleFailure, type ParameterFinding } from "./module.ts";
import type { Subject } from "./subject.ts";

const params = z.strictObject({
  asked: z.record(z.string(), z.array(z.string())).describe("By host: what playbooks ask for."),
  unsure: z.record(z.string(), z.array(z.string())).describe("By host: why that may not be all."),
});

interface Input {
  asked: ReadonlySet<string>;
  unsure: readonly string[];
}

/**
 * What runs have made on a host and no playbook asks for any more: removed. Not in the catalogue, because only a look at whole playbooks tells what they ask for: it is
 * what `plumb plan --orphans` runs.
 */
export const orphans = defineLoadingModule<
  z.infer<typeof params>,
  Input,
  { made: ReturnType<typeof madeThings> },
  readonly MadeThing[]
>({
  name: "plumb_orphans",
  summary: "What Plumb has made and no playbook asks for any more",
  params,
  examples: [],
  load: async ({ asked, unsure }, controller) => {
    const host = String(controller.variable("inventory_hostname"));
    return { asked: new Set(asked[host] ?? []), unsure: unsure[host] ?? [] };
  },
  queries: () => ({ made: madeThings("all") }),
  diff: ({ asked, unsure }, { made }, { checkMode }) => {
    if (made.things === undefined)
      return {
        action: "none",
        reason: "nobody can tell: there is no list on this host of what runs have made",
      };
    const left = made.things.filter(({ key }) => !asked.has(key));
    const going = left.filter((one) => !one.isChanged);
    const files = new Set(going.filter(({ kind }) => kind === "path").map(({ key }) => key));
    const stays = (one: MadeThing): boolean => one.below?.some((entry) => !files.has(entry)) === true;
    for (let before = -1; before !== files.size; ) {
      before = files.size;
      for (const one of going) if (stays(one)) files.delete(one.key);
    }
    const removed = going.filter(({ kind, key }) => kind !== "path" || files.has(key));
    const warnings = [
      ...left
        .filter(({ isChanged }) => isChanged)
        .map(({ key }) => `${key} is asked for by nobody, but somebody else has changed it since: it stays`),
      ...going
        .filter(stays)
        .map(({ key }) => `${key} is asked for by nobody, but there is something else in it: it stays`),
      ...unsure.map((why) => `perhaps more is asked for: ${why}`),
    ].map((message): ParameterFinding => ({ path: ["asked"], message }));
    if (removed.length === 0)
      return {
        action: "none",
        reason:
          left.length === 0
            ? "nothing is left that nobody asks for"
            : "what nobody asks for stays: the warnings say why",
        warnings,
      };
    if (unsure.length > 0 && !checkMode)
      throw new ModuleFailure(
        `nothing was removed, because perhaps more is asked for: ${unsure.join("; ")}`,
        {
          hint: "run the playbooks first, so that every task can be looked at",
        },
      );
    return {
      action: "delete",
      summary: `remove ${removed.length} ${removed.length === 1 ? "thing" : "things"} that nobody asks for`,
      differences: removed.map(differenceOf),
      detail: removed,
      warnings,
    };
  },
  touches: (_, change) => (change === undefined ? [] : change.detail.flatMap(subjectsOf)),
  steps: ({ summary, detail }) => [
    { kind: "script", title: summary, script: removeScript(detail), timeoutMs: 10 * 60_000 },
  ],
});

function differenceOf({ kind, key }: MadeThing): Difference {
  const name =
    unitOf({ kind, key }) === undefined ? `${kind === "path" ? "" : `${kind} `}${key}` : `unit ${key}`;
  return { kind: "field", name, before: "made by an earlier run", after: "absent" };
}

function unitOf({ kind, key }: Pick<MadeThing, "kind" | "key">): string | undefined {
  return kind === "path"
    ? /^\/etc\/systemd\/system\/([^/]+\.(?:service|timer|socket|path|mount|target|slice))$/.exec(key)?.[1]
    : undefined;
}

function subjectsOf(thing: MadeThing): Subject[] {
  const { kind, key } = thing;
  const unit = unitOf(thing);
  switch (kind) {
    case "path":
      return [...(unit === undefined ? [] : [{ kind: "unit" as const, name: unit }]), { kind, path: key }];
    case "nftables-table": {
      const [family = "", name = ""] = key.split(" ");
      return [{ kind, family, name }];
    }
    default:
      return [{ kind, name: key }];
  }
}

/** Units are stopped before their files go; what is in a directory goes before it; users before the groups that they are in. */
function removeScript(things: readonly MadeThing[]): ShellText {
  const of = (kind: MadeThing["kind"]): string[] =>
    things.filter((one) => one.kind === kind).map(({ key }) => key);
  const units = things.flatMap((one) => unitOf(one) ?? []);
  const paths = of("path").sort((one, other) => other.length - one.length);
  return shellLines(
    rawShell("set -e"),
    SAFE_FOLDER,
    rawShell(
      'gone() { ( plumb_enter "${1%/*}/" && name=./${1##*/} && if [ -d "$name" ] && [ ! -L "$name" ]; then rmdir -- "$name"; else rm -f -- "$name"; fi ); }',
    ),
    ...units.map(
      (unit) => sh`systemctl -q disable --now -- ${unit} 2>/dev/null || systemctl stop -- ${unit}`,
    ),
    ...of("nftables-table").map((key) => sh`nft delete table ${key.split(" ")}`),
    ...paths.map((path) => sh`gone ${path}`),
    units.length > 0 || paths.some((path) => path.includes("/systemd/"))
      ? rawShell("systemctl daemon-reload")
      : undefined,
    ...of("user").map((user) => sh`userdel -- ${user}`),
    ...of("group").map((group) => sh`if getent group -- ${group} >/dev/null; then groupdel -- ${group}; fi`),
  );
}
