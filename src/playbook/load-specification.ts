import path from "node:path";
import type { SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import { Entries } from "./entries.ts";
import { type LoadState, loadFile, shownPath, startOf } from "./load-context.ts";
import type { RoleOption, RoleSpecification, TogetherRule } from "./playbook.ts";
import { present } from "./present.ts";
import { roleFile, taskFileNames } from "./role-files.ts";
import { TOGETHER_KEYS, togetherRules } from "./together-rules.ts";

/** Types that an option of a role may have. */
export const OPTION_TYPES: readonly RoleOption["type"][] = [
  "str",
  "int",
  "float",
  "bool",
  "list",
  "dict",
  "path",
  "raw",
  "json",
  "bytes",
  "bits",
];
/** Ansible's spellings that mean one of these. */
const TYPE_ALIASES: Readonly<Record<string, RoleOption["type"]>> = {
  boolean: "bool",
  integer: "int",
  jsonarg: "json",
  string: "str",
};

/** Keys of an option. */
export const OPTION_KEYS = [
  "type",
  "description",
  "required",
  "default",
  "choices",
  "elements",
  "options",
  "secret",
  "no_log",
  "version_added",
  ...TOGETHER_KEYS,
];
/** Keys of a role's specification. */
export const ENTRY_KEYS = [
  "short_description",
  "description",
  "author",
  "options",
  "seealso",
  "version_added",
  "deprecated",
  "notes",
  "examples",
  ...TOGETHER_KEYS,
];

/**
 * Reads which variables a role takes from its meta/argument_specs.yml, or from `argument_specs` in its meta/main.yml (Ansible, "Role argument
 * validation"), with `secret: true` besides. What is wrong in it is noted.
 *
 * @returns undefined for a role that does not say.
 * @throws DiagnosticsError for a file that can't be read
 */
export async function loadSpecification(
  state: LoadState,
  folder: string,
  entryPoint: string,
): Promise<RoleSpecification | undefined> {
  for (const name of ["argument_specs", "main"]) {
    const file = roleFile(folder, "meta", name);
    if (file === undefined) continue;
    const content = await loadFile(state, file);
    const at = startOf(shownPath(file));
    if (content.kind === "literal" && content.value === null) continue;
    const root = new Entries(content, path.basename(file), at, state.problems);
    if (name === "argument_specs") root.knows(["argument_specs"], path.basename(file));
    const specs = root.value("argument_specs");
    if (specs === undefined) continue;
    const all = new Entries(specs, "`argument_specs`", root.positionOf("argument_specs"), state.problems);
    checkEntryPoints(all, folder);
    const found = new Map(all.keys.map((key) => [key, entryPointOf(all, key)]));
    return found.get(entryPoint);
  }
  return undefined;
}

function entryPointOf(all: Entries, key: string): RoleSpecification | undefined {
  const entry = all.value(key);
  if (entry === undefined) return undefined;
  return all.collect(() =>
    specificationOf(new Entries(entry, `\`${key}\``, all.positionOf(key), all.problems)),
  );
}

/** An entry point is the name of a file of tasks: what is said of a file that the role does not have would never be looked at. */
function checkEntryPoints(all: Entries, folder: string): void {
  for (const key of all.keys.filter(
    (one) => roleFile(folder, "tasks", one) === undefined && one !== "main",
  )) {
    const meant = didYouMean(key, ["main", ...taskFileNames(folder)]);
    all.note({
      code: "unknown-key",
      message: `the role has no tasks/${key}.yml for the specification \`${key}\``,
      at: all.keyPosition(key),
      ...(meant === undefined
        ? { expected: "the name of a file of tasks, such as main" }
        : { hint: `did you mean \`${meant}\`?` }),
    });
  }
}

function specificationOf(entries: Entries): RoleSpecification {
  entries.knows(ENTRY_KEYS, "a role's specification");
  for (const key of ["author", "notes"]) entries.wordings(key);
  for (const key of ["version_added", "examples"]) entries.text(key);
  const description = descriptionOf(entries);
  const summary = entries.text("short_description") ?? "";
  const options = optionsOf(entries);
  return { description: description || summary, options, together: togetherOf(entries, options) };
}

/** Rules about several options, which must be options. */
function togetherOf(entries: Entries, options: ReadonlyMap<string, RoleOption>): TogetherRule[] {
  const rules = togetherRules(entries);
  for (const { names, when, at } of rules) {
    for (const name of [...names, ...(when === undefined ? [] : [when.name])]) {
      if (options.has(name)) continue;
      const meant = didYouMean(name, options.keys());
      entries.note({
        code: "unknown-key",
        message: `there is no option \`${name}\``,
        at,
        ...(meant === undefined
          ? { expected: [...options.keys()].join(", ") || "options, and there are none here" }
          : { hint: `did you mean \`${meant}\`?` }),
      });
    }
  }
  return rules;
}

function optionsOf(entries: Entries): ReadonlyMap<string, RoleOption> {
  const value = entries.value("options");
  if (value === undefined) return new Map();
  if (value.kind !== "map") {
    entries.wrong("options", "a mapping of variables to what they take");
    return new Map();
  }
  const options = new Map<string, RoleOption>();
  for (const { key, keyAt, value: inner } of value.entries) {
    const at = keyAt ?? entries.positionOf("options");
    const option = entries.collect(() =>
      optionOf(new Entries(inner, `the option \`${key}\``, at, entries.problems), at),
    );
    if (option !== undefined) options.set(key, option);
  }
  return options;
}

function optionOf(entries: Entries, at: SourceRange): RoleOption {
  entries.knows(OPTION_KEYS, "a role's option");
  const options = optionsOf(entries);
  entries.text("version_added");
  return {
    type: typeOf(entries, "type") ?? "str",
    description: descriptionOf(entries),
    required: entries.boolean("required") ?? false,
    // Ansible's `no_log` says the same.
    secret: entries.boolean("secret") ?? entries.boolean("no_log") ?? false,
    together: togetherOf(entries, options),
    at,
    ...present("default", entries.value("default")),
    ...present("choices", choicesOf(entries)),
    ...present("elements", typeOf(entries, "elements")),
    ...(entries.value("options") === undefined ? {} : { options }),
  };
}

function typeOf(entries: Entries, key: "type" | "elements"): RoleOption["type"] | undefined {
  const word = entries.text(key);
  if (word === undefined) return undefined;
  const type =
    OPTION_TYPES.find((one) => one === word) ??
    (Object.hasOwn(TYPE_ALIASES, word) ? TYPE_ALIASES[word] : undefined);
  return type ?? entries.wrongChoice(key, OPTION_TYPES);
}

function choicesOf(entries: Entries): RoleOption["choices"] {
  const value = entries.value("choices");
  const choices = value?.kind === "list" ? value.items.map(literalOf) : undefined;
  const isOne = (choice: unknown): choice is string | number | boolean =>
    ["string", "number", "boolean"].includes(typeof choice);
  if (choices?.every(isOne)) return choices.length === 0 ? undefined : choices;
  return value === undefined
    ? undefined
    : entries.wrong("choices", "a list of texts, numbers, true and false");
}

function descriptionOf(entries: Entries): string {
  return entries
    .wordings("description")
    .map((text) => (text.kind === "text" ? text.template.source : String(literalOf(text) ?? "")))
    .join(" ");
}
