import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { canonicalModuleName, loadModule, moduleNamesAndAliases } from "../modules/catalogue.ts";
import type { Module } from "../modules/module.ts";
import { compileExpression } from "../variables/expression.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { checkParameters } from "./check-parameters.ts";
import { conditionsOf } from "./condition.ts";
import type { Entries } from "./entries.ts";
import { parametersOf } from "./free-form.ts";
import { inherit, present, seconds } from "./inherit.ts";
import { SAID_DIFFERENTLY, TASK_KEYWORDS } from "./keywords.ts";
import type { LoadContext } from "./load-context.ts";
import type { Condition, Task } from "./playbook.ts";

/** Names that are no module and no keyword, but mean something where a task stands. */
const PSEUDO_MODULES = ["meta"];

/**
 * Loads one task.
 *
 * @throws DiagnosticsError; what is wrong with parameters is collected in the state.
 */
export async function loadTask(context: LoadContext, entries: Entries): Promise<Task> {
  const { written, value } = moduleOf(entries);
  const at = entries.keyPosition(written);
  const name = PSEUDO_MODULES.includes(written) ? written : canonicalModuleName(written);
  if (name === undefined) throw unknownModule(written, at);
  const unknown = entries.unknownKeys([...TASK_KEYWORDS, written], "a task");
  context.state.problems.push(...unknown);
  const parameters =
    name === "meta" ? metaParameters(value) : await moduleParameters(context, entries, name, value, at);
  const keywords = inherit(context.inherited, entries);
  return {
    kind: "task",
    id: `${context.idPrefix}${entries.at.file}:${entries.at.line}:${entries.at.column}`,
    ...present("name", entries.value("name")),
    module: name,
    parameters,
    keywords: withLocalAction(entries, keywords),
    ...present("loop", loopOf(entries)),
    ...present("register", registerOf(entries)),
    notify: entries.list("notify"),
    listen: entries.words("listen"),
    ...present("changedWhen", conditions(entries, "changed_when")),
    ...present("failedWhen", conditions(entries, "failed_when")),
    ...present("until", conditions(entries, "until")),
    retries: entries.number("retries") ?? (entries.value("until") === undefined ? 0 : 3),
    delayMs: seconds(entries.number("delay")) ?? 5000,
    ...present("role", context.role),
    at: entries.at,
  };
}

/** The key that is no keyword is the module. */
function moduleOf(entries: Entries): { written: string; value: Templated } {
  const action = entries.entry("action") ?? entries.entry("local_action");
  if (action !== undefined) return actionForm(action);
  const candidates = entries.keys.filter((key) => !TASK_KEYWORDS.includes(key));
  const differently = candidates.find((key) => SAID_DIFFERENTLY[key] !== undefined);
  if (differently !== undefined) {
    throw inputError("unknown-key", `\`${differently}\` is said differently here`, {
      at: entries.keyPosition(differently),
      ...present("hint", SAID_DIFFERENTLY[differently]),
    });
  }
  const known = candidates.filter(
    (key) => PSEUDO_MODULES.includes(key) || canonicalModuleName(key) !== undefined,
  );
  const written = known[0] ?? candidates[0];
  if (written === undefined) {
    throw inputError("unknown-module", "this task names no module", {
      at: entries.at,
      expected: "a key such as `package:` or `copy:`",
    });
  }
  if (known.length > 1) {
    throw inputError(
      "unknown-key",
      `a task has one module, but this has ${known.map((key) => `\`${key}\``).join(" and ")}`,
      {
        at: entries.keyPosition(known[1] ?? written),
        hint: "make two tasks of it",
      },
    );
  }
  return { written, value: entries.entry(written)?.value ?? { kind: "literal", value: null } };
}

/** `action: module key=value`, and `action: {module: …}`. */
function actionForm(entry: TemplatedEntry): { written: string; value: Templated } {
  const { value } = entry;
  if (value.kind === "map") {
    const module = value.entries.find(({ key }) => key === "module")?.value;
    const written = module?.kind === "literal" ? String(module.value) : "";
    return { written, value: { ...value, entries: value.entries.filter(({ key }) => key !== "module") } };
  }
  const text =
    value.kind === "literal" ? String(value.value) : value.kind === "text" ? value.template.source : "";
  const [written = "", ...rest] = text.split(" ");
  return {
    written,
    value: { kind: "literal", value: rest.length === 0 ? null : rest.join(" "), ...present("at", value.at) },
  };
}

function withLocalAction(entries: Entries, keywords: Task["keywords"]): Task["keywords"] {
  if (entries.entry("local_action") === undefined) return keywords;
  return { ...keywords, delegateTo: { kind: "literal", value: "localhost" } };
}

async function moduleParameters(
  context: LoadContext,
  entries: Entries,
  name: string,
  value: Templated,
  at: SourceRange,
): Promise<TemplatedEntry[]> {
  const module = context.state.modules.get(name) ?? (await loadModule(name));
  context.state.modules.set(name, module);
  const parameters = parametersOf(module, value, at);
  const args = entries.value("args");
  if (args?.kind === "map") parameters.push(...args.entries);
  for (const entry of context.inherited.moduleDefaults.get(name) ?? []) {
    if (!parameters.some(({ key }) => key === entry.key)) parameters.push(entry);
  }
  const compiled = parameters.map((entry) => withExpressions(module, entry, at));
  context.state.problems.push(
    ...checkParameters({ module, task: { module: name, parameters: compiled, at } }),
  );
  return compiled;
}

/** Parameters that are expressions become `{ expression, value }`: the text for messages, and what it comes to. */
function withExpressions(module: Module, entry: TemplatedEntry, at: SourceRange): TemplatedEntry {
  if (!(module.expressionParams as readonly string[] | undefined)?.includes(entry.key)) return entry;
  const compileOne = (value: Templated): Templated => {
    const text =
      value.kind === "literal"
        ? String(value.value)
        : value.kind === "expression"
          ? value.expression.source
          : undefined;
    if (text === undefined) {
      throw inputError(
        "expression-syntax",
        `\`${module.name}.${entry.key}\` is an expression and needs no braces`,
        { at: value.at ?? at },
      );
    }
    const place = value.at ?? at;
    return {
      kind: "map",
      at: place,
      entries: [
        { key: "expression", value: { kind: "literal", value: text } },
        {
          key: "value",
          value: { kind: "expression", expression: compileExpression(text, place), at: place },
        },
      ],
    };
  };
  const { value } = entry;
  return {
    ...entry,
    value: value.kind === "list" ? { ...value, items: value.items.map(compileOne) } : compileOne(value),
  };
}

function metaParameters(value: Templated): TemplatedEntry[] {
  return [{ key: "_raw_params", value }];
}

function conditions(entries: Entries, keyword: string): Condition[] | undefined {
  const value = entries.value(keyword);
  return value === undefined ? undefined : conditionsOf(keyword, value, entries.positionOf(keyword));
}

function loopOf(entries: Entries): Task["loop"] {
  const items = entries.value("loop");
  if (items === undefined) return undefined;
  const control = entries.value("loop_control");
  const get = (name: string): Templated | undefined =>
    control?.kind === "map" ? control.entries.find(({ key }) => key === name)?.value : undefined;
  const text = (name: string): string | undefined => {
    const value = get(name);
    return value?.kind === "literal" ? String(value.value) : undefined;
  };
  const pause = text("pause");
  return {
    items,
    variable: text("loop_var") ?? "item",
    ...present("indexVariable", text("index_var")),
    ...present("label", get("label")),
    ...present("pauseMs", pause === undefined ? undefined : Number(pause) * 1000),
  };
}

function registerOf(entries: Entries): string | undefined {
  const name = entries.text("register");
  if (name === undefined || /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw inputError("wrong-type", `\`${name}\` can't be the name of a variable`, {
    at: entries.positionOf("register"),
    expected: "letters, digits and underscores, not starting with a digit",
  });
}

function unknownModule(written: string, at: SourceRange): Error {
  const meant = didYouMean(written, [...moduleNamesAndAliases(), ...TASK_KEYWORDS]);
  return inputError("unknown-module", `there is no module \`${written}\``, {
    at,
    hint: meant === undefined ? "plumb doc lists the modules" : `did you mean \`${meant}\`?`,
  });
}
