import path from "node:path";
import type { SourceRange } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import { Entries } from "./entries.ts";
import { type LoadState, loadFile, shownPath, startOf } from "./load-context.ts";
import type { RoleOption, RoleSpecification } from "./playbook.ts";
import { present } from "./present.ts";
import { roleFile } from "./role-files.ts";
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
    const specs = root.value("argument_specs");
    if (specs === undefined) continue;
    const entry = new Entries(specs, "`argument_specs`", at, state.problems).value(entryPoint);
    return entry === undefined
      ? undefined
      : specificationOf(new Entries(entry, `\`${entryPoint}\``, at, state.problems));
  }
  return undefined;
}

function specificationOf(entries: Entries): RoleSpecification {
  entries.knows(ENTRY_KEYS, "a role's specification");
  return {
    description: descriptionOf(entries.value("description")) || (entries.text("short_description") ?? ""),
    options: optionsOf(entries),
    together: togetherRules(entries),
  };
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
  const choices = entries.list("choices").map(literalOf);
  return {
    type: typeOf(entries, "type") ?? "str",
    description: descriptionOf(entries.value("description")),
    required: entries.boolean("required") ?? false,
    // Ansible's `no_log` says the same.
    secret: entries.boolean("secret") ?? entries.boolean("no_log") ?? false,
    together: togetherRules(entries),
    at,
    ...present("default", entries.value("default")),
    ...(choices.length === 0 ? {} : { choices: choices as (string | number | boolean)[] }),
    ...present("elements", typeOf(entries, "elements")),
    ...(entries.value("options") === undefined ? {} : { options: optionsOf(entries) }),
  };
}

function typeOf(entries: Entries, key: "type" | "elements"): RoleOption["type"] | undefined {
  const word = entries.text(key);
  if (word === undefined) return undefined;
  const type =
    OPTION_TYPES.find((one) => one === word) ??
    (Object.hasOwn(TYPE_ALIASES, word) ? TYPE_ALIASES[word] : undefined);
  return type ?? entries.wrong(key, `one of ${OPTION_TYPES.join(", ")}`);
}

function descriptionOf(value: Templated | undefined): string {
  if (value === undefined) return "";
  const literal = literalOf(value);
  return Array.isArray(literal) ? literal.map(String).join(" ") : String(literal ?? "");
}
