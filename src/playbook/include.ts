import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";
import { checkKeywords } from "./check-keywords.ts";
import { localConnection } from "./connection-keywords.ts";
import { describeTemplated, Entries } from "./entries.ts";
import type { NamedModule } from "./find-module.ts";
import { inherit } from "./inherit.ts";
import { leavesOf } from "./leaves.ts";
import { type LoadContext, shownPath, tidy } from "./load-context.ts";
import { bareTask } from "./load-task.ts";
import { refuseBetweenItems } from "./loop.ts";
import { loopVariables } from "./loop-variables.ts";
import { namesSetBy } from "./names-set-by.ts";
import type { Expansion, Include, IncludePass, InheritedKeywords, Node, Task } from "./playbook.ts";

/** An import or include, read as far as its own lines say. */
export interface Inclusion {
  entries: Entries;
  named: NamedModule;
  target: Templated;
  /** `apply:` of an include: keywords for the tasks inside. */
  apply: Entries | undefined;
  /** Which file, or which of a role's files, a name means. */
  find(name: string): Promise<string>;
  /** Loads what was found. */
  load(context: LoadContext, found: string): Promise<Node[]>;
}

/** More than this inside one another is an include that never ends. */
const DEEPEST = 40;

/**
 * The parameters of an import or include: a name alone, or a mapping.
 *
 * @param nameKey the parameter that a name alone stands for.
 */
export function inclusionParameters(
  entries: Entries,
  named: NamedModule,
  nameKey: string,
  known: readonly string[],
): Entries {
  checkKeywords(entries, "include", [named.written]);
  const { value } = named;
  const asMap: Extract<Templated, { kind: "map" }> =
    value.kind === "map" || (value.kind === "literal" && value.value === null)
      ? { kind: "map", entries: value.kind === "map" ? value.entries : [] }
      : {
          kind: "map",
          entries: [{ key: nameKey, value, ...(value.at === undefined ? {} : { keyAt: value.at }) }],
        };
  const more = entries.value("args");
  if (more !== undefined && more.kind !== "map") entries.wrong("args", "a mapping of parameters");
  const all = { ...asMap, entries: [...asMap.entries, ...(more?.kind === "map" ? more.entries : [])] };
  const parameters = new Entries(all, `\`${named.written}\``, value.at ?? named.at, entries.problems);
  parameters.knows(known, `\`${named.written}\``);
  return parameters;
}

/** `apply:` of an include. */
export function appliedKeywords(parameters: Entries): Entries | undefined {
  const apply = parameters.value("apply");
  if (apply === undefined) return undefined;
  return parameters.collect(() => {
    const entries = new Entries(apply, "`apply`", parameters.positionOf("apply"), parameters.problems);
    checkKeywords(entries, "block");
    return entries;
  });
}

/**
 * Loads an import, and an include as far as it can be known before any host is: then it is as good as an import, and what is wrong in it is found now.
 *
 * @throws DiagnosticsError
 */
export async function loadInclusion(context: LoadContext, inclusion: Inclusion): Promise<Node[]> {
  const { entries, named, target } = inclusion;
  const isInclude = named.name.startsWith("include_");
  const keywords = inclusionKeywords(context, inclusion, isInclude);
  const task = bareTask(context, entries, named.name, keywords);
  if (!isInclude && task.loop !== undefined)
    throw noImport(inclusion, "stand in a loop", entries.keyPosition("loop"));
  if (target.kind === "text" || target.kind === "expression") {
    if (!isInclude) throw noImport(inclusion, "have a template for a name", target.at ?? named.at);
    return [includeOf(context, inclusion, task)];
  }
  const found = await inclusion.find(literalName(inclusion));
  if (context.way.includes(found)) {
    if (!isInclude || (keywords.when.length === 0 && task.loop === undefined))
      throw leadsBack(context, inclusion, found);
    return [includeOf(context, inclusion, task)];
  }
  const inner = insideOf(context, inclusion, keywords);
  const { loop } = task;
  const written = loop === undefined ? undefined : literalOf(loop.items);
  if (loop !== undefined) refuseBetweenItems(entries, loop);
  const items = Array.isArray(written) ? written : undefined;
  const nodes: Node[] = [];
  for (const index of (items ?? [null]).keys()) {
    const pass =
      loop === undefined || items === undefined
        ? undefined
        : { index, variables: sourced(loopVariables(loop, items, index)) };
    nodes.push(...(await inclusion.load(withPass(inner, pass), found)));
  }
  const isKnown =
    (loop === undefined || items !== undefined) &&
    !(isInclude && (changesItsCondition(keywords, nodes) || isSharedByItsHosts(keywords, nodes)));
  return isKnown ? nodes : [{ ...includeOf(context, inclusion, task), inside: nodes }];
}

function literalName({ target, named }: Inclusion): string {
  if (target.kind === "literal" && typeof target.value === "string") return target.value;
  throw inputError("wrong-type", `\`${named.written}\` needs a name, not ${describeTemplated(target)}`, {
    at: target.at ?? named.at,
  });
}

function inclusionKeywords(
  context: LoadContext,
  { entries }: Inclusion,
  isInclude: boolean,
): InheritedKeywords {
  const keywords = localConnection(entries, inherit(context.inherited, entries));
  const own = entries.variables("vars");
  if (!isInclude || own.size === 0) return keywords;
  return {
    ...keywords,
    variables: context.inherited.variables,
    includeVariables: [...keywords.includeVariables, own],
  };
}

/** What the tasks inside inherit. */
function insideOf(
  context: LoadContext,
  { entries, apply, named }: Inclusion,
  keywords: InheritedKeywords,
): LoadContext {
  // `tags: always` of an include says that it is read whatever is asked for, not that all of its tasks run.
  const tags = named.name.startsWith("include_")
    ? keywords.tags.filter((tag) => tag !== "always" || context.inherited.tags.includes(tag))
    : keywords.tags;
  const inherited = { ...keywords, tags };
  return {
    ...context,
    inherited: apply === undefined ? inherited : inherit(inherited, apply),
    notify: [...context.notify, ...entries.wordings("notify")],
    idPrefix: `${context.idPrefix}${entries.at.line}:${entries.at.column}>`,
  };
}

/** A pass of the loop around, for what is inside: its variables, and ids of its own. */
export function withPass(context: LoadContext, pass: IncludePass | undefined): LoadContext {
  if (pass === undefined) return context;
  const { inherited, idPrefix } = context;
  return {
    ...context,
    idPrefix: `${idPrefix}[${pass.index}]`,
    inherited: { ...inherited, includeVariables: [...inherited.includeVariables, pass.variables] },
  };
}

/** Values as variables that no file says. */
export function sourced(values: Readonly<Record<string, Value>>): ReadonlyMap<string, SourcedVariable> {
  return new Map(
    Object.entries(values).map(([name, value]) => [name, { value: { kind: "literal", value } }]),
  );
}

/** A condition is asked once, before what is included; inherited by the tasks inside, it must mean the same to all of them. */
function changesItsCondition(keywords: InheritedKeywords, nodes: readonly Node[]): boolean {
  const asked = new Set(keywords.when.flatMap(({ expression }) => expression.names));
  if (asked.size === 0) return false;
  const set = namesSetBy(nodes);
  return set === "any" || set.some((name) => asked.has(name));
}

/** One of the hosts that include a `run_once` task runs it; inherited by that task, the condition would let the first host of all of them decide. */
function isSharedByItsHosts({ when }: InheritedKeywords, nodes: readonly Node[]): boolean {
  return (
    when.length > 0 &&
    leavesOf(nodes).some((leaf) => {
      const { runOnce } = (leaf.kind === "include" ? leaf.task : leaf).keywords;
      return runOnce !== undefined && literalOf(runOnce) !== false;
    })
  );
}

function includeOf(context: LoadContext, inclusion: Inclusion, task: Task): Include {
  if (context.isHandler) {
    throw inputError("wrong-type", "handlers must be known before any host is: this include can't be", {
      at: task.at,
      hint: "name the file without templates and loops",
    });
  }
  return {
    kind: "include",
    task,
    target: inclusion.target,
    expand: async (target, pass) => {
      if (context.way.length > DEEPEST) throw endless(inclusion);
      // The condition has been asked already; that of the blocks around counts for the tasks inside too.
      const keywords = { ...task.keywords, when: context.inherited.when };
      return expansionOf(context, async (outside) => {
        const inner = withPass(insideOf(outside, inclusion, keywords), pass);
        return inclusion.load(inner, await inclusion.find(target));
      });
    },
  };
}

/**
 * What is loaded while a play runs: its handlers are told of, and what is wrong in it is thrown.
 *
 * @throws DiagnosticsError
 */
export async function expansionOf(
  context: LoadContext,
  load: (outside: LoadContext) => Promise<Node[]>,
): Promise<Expansion> {
  const state = { ...context.state, problems: [] };
  const handlers: Task[] = [];
  const nodes = await load({ ...context, state, handlers, roles: [], rolesLoaded: new Set<string>() });
  const found = tidy(state.problems);
  const problems = found.filter(({ severity }) => severity === "error");
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return { nodes, handlers, warnings: found };
}

function endless({ named, entries }: Inclusion): DiagnosticsError {
  return inputError("include-cycle", `\`${named.written}\` goes on for ever: it is ${DEEPEST} deep`, {
    at: entries.at,
    hint: "its `when` must become false at some point",
  });
}

function leadsBack(context: LoadContext, { named }: Inclusion, found: string): DiagnosticsError {
  const chain = [...context.way.slice(context.way.indexOf(found)), found].map(shownPath);
  return inputError(
    "include-cycle",
    `\`${named.written}\` leads back to where it stands: ${chain.join(" -> ")}`,
    {
      at: named.at,
      hint: "a list of tasks is repeated by `include_tasks` with a `when` that becomes false",
    },
  );
}

function noImport({ named }: Inclusion, what: string, at: SourceRange): DiagnosticsError {
  return inputError("wrong-type", `\`${named.name}\` can't ${what}: it is read before any host is known`, {
    at,
    hint: `write \`${named.name.replace("import", "include")}\``,
  });
}
