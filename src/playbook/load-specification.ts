import { stat } from "node:fs/promises";
import path from "node:path";
import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { compileValue } from "../variables/compile-value.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import { readYaml } from "../variables/yaml-source.ts";
import { Entries } from "./entries.ts";
import type { RoleOption, RoleSpecification } from "./playbook.ts";

const TYPES: readonly RoleOption["type"][] = ["str", "int", "float", "bool", "list", "dict", "path", "raw"];
const OPTION_KEYS = [
  "type",
  "description",
  "required",
  "default",
  "choices",
  "elements",
  "options",
  "secret",
  "version_added",
];

/**
 * Reads which variables a role takes from its meta/argument_specs.yml (Ansible, "Role argument validation"), with `secret: true` besides.
 *
 * @returns undefined for a role that does not say.
 * @throws DiagnosticsError
 */
export async function loadSpecification(
  folder: string,
  entryPoint: string,
): Promise<RoleSpecification | undefined> {
  const file = path.join(folder, "meta", "argument_specs.yml");
  const information = await stat(file).catch(() => undefined);
  if (information?.isFile() !== true) return undefined;
  const source = await readYaml(file);
  const start: SourceRange = { file, line: 1, column: 1 };
  const root = new Entries(compileValue(source, source.document.contents), "argument_specs.yml", start);
  const specs = root.value("argument_specs");
  if (specs === undefined) return undefined;
  const entry = new Entries(specs, "argument_specs", start).value(entryPoint);
  if (entry === undefined) return undefined;
  const content = new Entries(entry, `argument_specs.${entryPoint}`, start);
  return {
    description: descriptionOf(content.value("description")) || (content.text("short_description") ?? ""),
    options: optionsOf(content.value("options"), content.at),
  };
}

function optionsOf(value: Templated | undefined, fallback: SourceRange): ReadonlyMap<string, RoleOption> {
  if (value?.kind !== "map") return new Map();
  return new Map(
    value.entries.map((entry) => [
      entry.key,
      optionOf(new Entries(entry.value, entry.key, fallback), entry.keyAt ?? fallback),
    ]),
  );
}

function optionOf(entries: Entries, at: SourceRange): RoleOption {
  const [unknown] = entries.unknownKeys(OPTION_KEYS, "an option of a role");
  if (unknown !== undefined) throw inputError("unknown-key", unknown.message, unknown);
  const choices = entries.list("choices").map(literalOf);
  const nested = entries.value("options");
  const fallback = entries.value("default");
  const elements = entries.text("elements");
  return {
    type: typeOf(entries.text("type") ?? "str", entries.positionOf("type")),
    description: descriptionOf(entries.value("description")),
    required: entries.boolean("required") ?? false,
    secret: entries.boolean("secret") ?? false,
    at,
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(choices.length === 0 ? {} : { choices: choices as (string | number | boolean)[] }),
    ...(elements === undefined ? {} : { elements: typeOf(elements, entries.positionOf("elements")) }),
    ...(nested === undefined ? {} : { options: optionsOf(nested, at) }),
  };
}

function typeOf(word: string, at: SourceRange): RoleOption["type"] {
  const type = TYPES.find((one) => one === word);
  if (type !== undefined) return type;
  throw inputError("wrong-type", `there is no type \`${word}\``, { at, expected: TYPES.join(", ") });
}

function descriptionOf(value: Templated | undefined): string {
  if (value === undefined) return "";
  const literal = literalOf(value);
  return Array.isArray(literal) ? literal.map(String).join(" ") : String(literal ?? "");
}
