import { z } from "zod";
import { type KeptState, type KeptThing, keptState } from "../queries/kept-state.ts";
import { rawShell } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { defineModule, ModuleFailure, type ParameterFinding } from "./module.ts";
import { type Restoration, restoreScript } from "./restore-script.ts";
import type { Subject } from "./subject.ts";

const params = z.strictObject({
  run: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, {
      error: "must be the name of a run, as `plumb history` shows it",
    })
    .optional()
    .describe(
      "The run whose changes are undone. Without it the last one that changed something on the host; one whose undoing was interrupted comes first.",
    ),
  session: z
    .string()
    .optional()
    .describe(
      "Only what one session of the run has replaced: how a block with `transaction: true` undoes itself.",
    ),
  since: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("With `session`: only what it has replaced after the first so many changes."),
});

type Params = z.infer<typeof params>;

export const rollback = defineModule<Params, { kept: ReturnType<typeof keptState> }, Restoration>({
  name: "rollback",
  summary: "Undoes what a run has replaced on the host",
  description:
    "Every run keeps on the host what it replaces (docs/undo.md): files, units, packages, firewall tables, settings of the kernel, accounts. This puts it back, reloads what read it, and warns of what can't be put back. It keeps itself what it replaces, so that it can be undone too. `plumb rollback` is this module on the command line.",
  params,
  examples: [
    { title: "Undo the last run on this host", yaml: "- rollback:\n" },
    { title: "Undo one run", yaml: "- rollback:\n    run: 20261125T171500042-1a2b3c\n" },
  ],
  returns: {
    run: "The run that was undone.",
    restored: "What was restored: kind and name.",
    cannot: "What can't be undone, in words.",
  },
  queries: ({ run }, { diffMode, runId }) => ({ kept: keptState({ run, self: runId, contents: diffMode }) }),
  diff: (want, { kept }) => {
    if (kept.run === undefined) {
      if (want.run === undefined || want.session !== undefined)
        return {
          action: "none",
          reason: "nothing is kept on this host that could be restored",
          data: dataOf(undefined),
        };
      throw new ModuleFailure(`nothing of the run ${want.run} is kept on this host`, {
        hint: kept.runs.length === 0 ? "no run has kept anything here" : `kept are: ${kept.runs.join(", ")}`,
      });
    }
    const restoration = restorationOf(kept, kept.run, want);
    const { things, lost } = restoration;
    const data = dataOf(restoration);
    const warnings: ParameterFinding[] = [
      ...lost.map((what) => ({ path: ["run"], message: `can't be undone: ${what}` })),
      ...packagesToGo(things).map((name) => ({
        path: ["run"],
        message: `what ${name} leaves behind stays: its configuration and its data`,
      })),
      ...kept.otherUsers.map((user) => ({
        path: ["run"],
        message: `the user ${user} has kept something of this run too`,
        hint: `plumb rollback HOST --run ${restoration.run} --become-user ${user}`,
      })),
    ];
    if (things.length === 0 && !kept.isBegun)
      return { action: "none", reason: `everything is as it was before the run ${kept.run}`, data, warnings };
    return {
      action: "update",
      summary: `restore ${things.length} ${things.length === 1 ? "thing" : "things"} as before the run ${kept.run}`,
      differences: things.map(differenceOf),
      detail: restoration,
      data,
      warnings,
    };
  },
  steps: ({ summary, detail }, _, { runId }) => [
    { kind: "script", title: summary, script: restoreScript(detail, runId), timeoutMs: 30 * 60_000 },
  ],
  touches: (_, change) =>
    change === undefined
      ? []
      : [...change.detail.things.map(subjectOf), ...change.detail.again.map(subjectOf)],
});

function restorationOf(kept: KeptState, run: string, { session, since }: Params): Restoration {
  const ofInterest = kept.things.filter(({ number }) => {
    const [of, count] = number.split(".");
    return session === undefined || (of === session && Number(count) > since);
  });
  const first = new Map<string, KeptThing>();
  const again = new Map<string, KeptThing>();
  const lost: string[] = [];
  for (const thing of ofInterest) {
    const { kind, key, info } = thing;
    const name = `${kind} ${key}`;
    if (kind === "lost") lost.push(`${key} (${info.task})`);
    else if (kind === "again") again.set(name, again.get(name) ?? thing);
    else if (!first.has(name)) first.set(name, thing);
  }
  const things = [...first.values()].filter((thing) => !thing.isSame);
  const possible = things.filter((thing) => {
    const why = whyNot(thing);
    if (why !== undefined) lost.push(...why);
    return (
      why === undefined ||
      (thing.kind === "packages" && wordsOf(thing.now).some((word) => !word.startsWith("?")))
    );
  });
  return { run, things: possible, again: [...again.values()], lost: [...new Set(lost)] };
}

/** They are removed and not purged: what is in their files may be somebody's. */
function packagesToGo(things: readonly KeptThing[]): string[] {
  const words = things.flatMap(({ kind, now }) => (kind === "packages" ? wordsOf(now) : []));
  return words.flatMap((word) => (word.startsWith("-") ? [word.slice(1)] : []));
}

/** Why something can't be restored, or not whole. */
function whyNot({ kind, key, before, now }: KeptThing): string[] | undefined {
  if (kind === "packages") {
    const gone = wordsOf(now).filter((word) => word.startsWith("?"));
    return gone.length === 0
      ? undefined
      : gone.map((word) => `${word.slice(1)}: no source has this version any more`);
  }
  if (kind !== "path") return undefined;
  if (before.startsWith("other")) return [`${key}: it was neither a file nor a directory`];
  const was = before.split(":")[0];
  const is = now.split(":")[0];
  if (is === "directory" && (was === "file" || was === "link")) return [`${key}: a directory is in the way`];
  return undefined;
}

const wordsOf = (text: string): string[] => text.split(" ").filter((word) => word !== "" && word !== "-");

function differenceOf({ kind, key, before, now, info, contents }: KeptThing): Difference {
  if (kind === "path" && contents !== undefined && info.secret !== true) {
    const [was, is] = [contents.before?.toString(), contents.now?.toString()];
    return {
      kind: "text",
      name: key,
      ...(is === undefined ? {} : { before: is }),
      ...(was === undefined ? {} : { after: was }),
    };
  }
  if (kind === "packages") {
    return { kind: "field", name: "packages", before: "as they are", after: wordsOf(now).join(" ") };
  }
  const words = kind === "path" ? ownerAndMode : (text: string): string => text.trim();
  const [from, to] = [words(now), words(before)];
  return {
    kind: "field",
    name: kind === "path" ? key : `${kind} ${key}`,
    before: from,
    after: from === to ? "its former content" : to,
  };
}

function ownerAndMode(state: string): string {
  const [type = "", uid, gid, mode] = state.split(":");
  return uid === undefined
    ? type
    : `${type === "tree" ? "directory" : type} ${mode ?? ""} ${uid}:${gid ?? ""}`;
}

function subjectOf({ kind, key, info }: KeptThing): Subject {
  switch (kind) {
    case "path":
      return {
        kind,
        path: key,
        ...(info.secret === true ? { secret: true } : {}),
        ...(info.tree === true ? { tree: true } : {}),
      };
    case "unit":
    case "sysctl":
    case "user":
    case "group":
      return { kind, name: key };
    case "packages":
      return { kind };
    case "nftables-table": {
      const [family = "", name = ""] = key.split(" ");
      return { kind, family, name };
    }
    case "again":
      return { kind, title: key, script: rawShell(info.script ?? ":") };
    default:
      return { kind: "lost", what: key };
  }
}

function dataOf(restoration: Restoration | undefined) {
  return {
    run: restoration?.run ?? null,
    restored: restoration?.things.map(({ kind, key }) => `${kind} ${key}`) ?? [],
    cannot: [...(restoration?.lost ?? [])],
  };
}
