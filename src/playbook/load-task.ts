import { loadModule } from "../modules/catalogue.ts";
import type { Module } from "../modules/module.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { checkKeywords } from "./check-keywords.ts";
import { checkParameters } from "./check-parameters.ts";
import { localConnection } from "./connection-keywords.ts";
import type { Entries } from "./entries.ts";
import { withExpressions } from "./expression-parameters.ts";
import type { NamedModule } from "./find-module.ts";
import { parametersOf, refuseTwice } from "./free-form.ts";
import { conditions, inherit } from "./inherit.ts";
import { collecting, type LoadContext } from "./load-context.ts";
import { loopOf, variableName } from "./loop.ts";
import { metaParameters } from "./meta-task.ts";
import type { InheritedKeywords, Task } from "./playbook.ts";
import { present } from "./present.ts";
import { isReserved, reservedName } from "./reserved-name.ts";

/**
 * Loads a task whose module is known. What is wrong with its keywords and parameters is noted in the state.
 *
 * @throws DiagnosticsError when there is nothing left to make a task of.
 */
export async function loadTask(context: LoadContext, entries: Entries, named: NamedModule): Promise<Task> {
  const place = context.isHandler ? "handler" : "task";
  checkKeywords(entries, place, [named.written]);
  const keywords = taskKeywords(context, entries);
  checkAsync(entries, named);
  const parameters =
    named.name === "meta"
      ? metaParameters(named.value, named.at)
      : await moduleParameters(context, entries, named, keywords);
  return { ...bareTask(context, entries, named.name, keywords), parameters };
}

/** Modules whose work is one script: it may be left alone with `poll: 0`. */
const ONE_SCRIPT = ["command", "raw", "script", "shell"];

function checkAsync(entries: Entries, named: NamedModule): void {
  const poll = entries.value("poll");
  if (poll !== undefined && entries.value("async") === undefined) {
    entries.note({
      code: "missing-key",
      message: "`poll` needs `async`",
      at: entries.keyPosition("poll"),
      hint: "`async: SECONDS` says how long the job may take",
    });
  }
  if (poll === undefined || literalOf(poll) !== 0 || ONE_SCRIPT.includes(named.name)) return;
  entries.note({
    code: "wrong-type",
    message: `\`poll: 0\` can't leave \`${named.written}\` alone: nobody would make sure of what it did`,
    at: entries.positionOf("poll"),
    expected: `a \`poll\` above 0, or one of ${ONE_SCRIPT.join(", ")}`,
  });
}

/** A task without parameters: also what stands for an include. */
export function bareTask(
  context: LoadContext,
  entries: Entries,
  module: string,
  keywords: InheritedKeywords,
): Task {
  return {
    kind: "task",
    id: `${context.idPrefix}${entries.at.file}:${entries.at.line}:${entries.at.column}`,
    ...present("name", entries.wording("name")),
    module,
    parameters: [],
    keywords,
    ...present("loop", loopOf(entries)),
    ...present("register", variableName(entries, "register")),
    notify: [...context.notify, ...entries.wordings("notify")],
    listen: entries.words("listen"),
    ...present("changedWhen", conditions(entries, "changed_when")),
    ...present("failedWhen", conditions(entries, "failed_when")),
    ...present("until", conditions(entries, "until")),
    ...present("retries", entries.count("retries")),
    ...present("delay", entries.amount("delay")),
    ...present("async", entries.amount("async")),
    ...present("poll", entries.amount("poll")),
    ...present("role", context.role),
    at: entries.at,
  };
}

function taskKeywords(context: LoadContext, entries: Entries): InheritedKeywords {
  const keywords = localConnection(entries, inherit(context.inherited, entries));
  if (entries.entry("local_action") === undefined) return keywords;
  return { ...keywords, delegateTo: { kind: "literal", value: "localhost" } };
}

async function moduleParameters(
  context: LoadContext,
  entries: Entries,
  { name, value, at }: NamedModule,
  keywords: InheritedKeywords,
): Promise<TemplatedEntry[]> {
  const module = await moduleNamed(context, name);
  const parameters = entries.collect(() => parametersOf(module, value, at));
  if (parameters === undefined) return [];
  parameters.push(...argumentsOf(entries));
  entries.collect(() => refuseTwice(parameters, at));
  for (const entry of keywords.moduleDefaults.get(name) ?? []) {
    if (!parameters.some(({ key }) => key === entry.key)) parameters.push(entry);
  }
  const compiled = await collecting(context.state, () =>
    parameters.map((entry) => withExpressions(module, entry, at)),
  );
  if (compiled === undefined) return [];
  const checked = { module, task: { module: name, parameters: compiled, at } };
  context.state.problems.push(...checkParameters(checked));
  for (const { key, keyAt } of name === "set_fact" ? compiled : [])
    if (isReserved(key)) context.state.problems.push(reservedName(key, keyAt ?? at));
  return compiled;
}

async function moduleNamed({ state }: LoadContext, name: string): Promise<Module> {
  const module = state.modules.get(name) ?? (await loadModule(name));
  state.modules.set(name, module);
  return module;
}

/** `args:`, parameters beside a free form. */
function argumentsOf(entries: Entries): readonly TemplatedEntry[] {
  const args: Templated | undefined = entries.value("args");
  if (args === undefined) return [];
  if (args.kind === "map") return args.entries;
  entries.wrong("args", "a mapping of parameters");
  return [];
}
