import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Scope } from "../variables/scope.ts";
import { isValueMap, type Value, type ValueMap } from "../variables/value.ts";
import { describeValue, shortJson } from "./describe-value.ts";
import type { RoleOption, RoleSpecification } from "./playbook.ts";
import { present } from "./present.ts";
import { togetherProblems } from "./together-rules.ts";

/** One variable, or a part of one, with what it should be. */
interface Place {
  name: string;
  value: Value | undefined;
  option: RoleOption;
  /** Where it was written; where it was not, where the role asks for it. */
  at: SourceRange;
  /** Where a part of it was written. */
  partAt(path: readonly string[]): SourceRange;
}

/**
 * What is wrong with the variables of a role, by its specification (meta/argument_specs.yml). Each diagnostic points at the variable's own line, inside
 * of lists and mappings too.
 */
export function checkRoleVariables(specification: RoleSpecification, scope: Scope): Diagnostic[] {
  const single = [...specification.options].flatMap(([name, option]) => {
    try {
      const at = scope.sourceOf(name) ?? option.at;
      const partAt = (path: readonly string[]): SourceRange => scope.sourceOf(name, path) ?? at;
      return checkPlace({ name, value: scope.lookup(name), option, at, partAt });
    } catch (error) {
      if (error instanceof DiagnosticsError) return [...error.diagnostics];
      throw error;
    }
  });
  if (single.length > 0) return single;
  const names = specification.together.flatMap((rule) => [...rule.names, rule.when?.name ?? ""]);
  const written = names.map((name) => scope.sourceOf(name)).find((at) => at !== undefined);
  return togetherProblems(specification.together, (name) => scope.lookup(name), written);
}

function checkPlace(place: Place): Diagnostic[] {
  const { name, value, option } = place;
  if (value === undefined || value === null) {
    if (!option.required) return [];
    return [problem(place, `\`${name}\` must be set`, { expected: TYPE_WORDS[option.type] })];
  }
  if (!hasType(value, option.type)) {
    const hint = typeHint(value, option.type);
    return [
      problem(
        place,
        `\`${name}\` must be ${TYPE_WORDS[option.type]}, not ${shown(place)}`,
        present("hint", hint),
      ),
    ];
  }
  if (Array.isArray(value)) return checkItems(place, value);
  const { choices } = option;
  if (choices !== undefined && !choices.some((choice) => choice === value)) {
    const meant = typeof value === "string" ? didYouMean(value, choices.map(String)) : undefined;
    const hint = meant === undefined ? undefined : `did you mean \`${meant}\`?`;
    const rest = { expected: choices.map(String).join(", "), ...present("hint", hint) };
    return [problem(place, `\`${name}\` can't be ${shown(place)}`, rest)];
  }
  return isValueMap(value) ? checkKeys(place, value) : [];
}

/** `choices` and `options` of a list speak of its items. */
function checkItems({ name, option, partAt }: Place, items: readonly Value[]): Diagnostic[] {
  const { elements, choices, options } = option;
  if (elements === undefined && choices === undefined) return [];
  const element: RoleOption = {
    type: elements ?? "raw",
    description: option.description,
    required: true,
    together: option.together,
    secret: option.secret,
    at: option.at,
    ...present("choices", choices),
    ...present("options", options),
  };
  return items.flatMap((value, index) =>
    checkPlace({
      name: `${name}[${index}]`,
      value,
      option: element,
      at: partAt([String(index)]),
      partAt: (path) => partAt([String(index), ...path]),
    }),
  );
}

function checkKeys(place: Place, value: ValueMap): Diagnostic[] {
  const { name, option, partAt } = place;
  const known = option.options;
  if (known === undefined) return [];
  const unknown = Object.keys(value).filter((key) => !known.has(key));
  return [
    ...unknown.map((key) => {
      const meant = didYouMean(key, known.keys());
      const rest = {
        expected: [...known.keys()].join(", "),
        ...present("hint", meant === undefined ? undefined : `did you mean \`${meant}\`?`),
      };
      return problem({ ...place, at: partAt([key]) }, `\`${name}\` has no key \`${key}\``, rest);
    }),
    ...[...known].flatMap(([key, inner]) =>
      checkPlace({
        name: `${name}.${key}`,
        value: value[key],
        option: inner,
        at: partAt([key]),
        partAt: (path) => partAt([key, ...path]),
      }),
    ),
    ...togetherProblems(option.together, (key) => value[key], place.at).map((found) => ({
      ...found,
      message: `in the variable \`${name}\`, ${found.message}`,
    })),
  ];
}

function problem(
  { at, option }: Place,
  message: string,
  rest: Pick<Diagnostic, "expected" | "hint">,
): Diagnostic {
  const { description } = option;
  const hint = rest.hint ?? (description === "" ? undefined : description);
  return {
    severity: "error",
    code: "invalid-role-variable",
    message: `the variable ${message}`,
    at,
    ...present("expected", rest.expected),
    ...present("hint", hint),
  };
}

function shown({ option, value }: Place): string {
  if (option.secret) return "what it is";
  return typeof value === "object" ? describeValue(value) : shortJson(value);
}

function typeHint(value: Value, type: RoleOption["type"]): string | undefined {
  if (typeof value === "string") {
    const isNumber = value.trim() !== "" && Number.isFinite(Number(value));
    if ((type === "int" || type === "float") && isNumber)
      return `write it without quotes; on the command line: -e '{"name": ${value.trim()}}'`;
    if (type === "bool" && /^(yes|no|true|false|on|off)$/i.test(value))
      return "write it without quotes; on the command line: -e '{\"name\": true}'";
    return undefined;
  }
  return type === "str" && typeof value !== "object" ? "put it in quotes" : undefined;
}

const TYPE_WORDS: Readonly<Record<RoleOption["type"], string>> = {
  str: "text",
  int: "a whole number",
  float: "a number",
  bool: "true or false",
  list: "a list",
  dict: "a mapping",
  path: "a path",
  raw: "anything",
  json: "JSON text, a mapping or a list",
  bytes: "a size, such as 64K or 2GB",
  bits: "a rate, such as 64Kb or 1Mb",
};

function hasType(value: Value, type: RoleOption["type"]): boolean {
  switch (type) {
    case "str":
    case "path":
      return typeof value === "string";
    case "int":
      return Number.isInteger(value);
    case "float":
      return typeof value === "number";
    case "bool":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value);
    case "dict":
      return isValueMap(value);
    case "raw":
      return true;
    case "json":
      return typeof value === "object" || (typeof value === "string" && isJson(value));
    case "bytes":
      return Number.isInteger(value) || /^\d+(\.\d+)? ?([KMGTPEZY]?B?)$/i.test(String(value));
    case "bits":
      return Number.isInteger(value) || /^\d+(\.\d+)? ?([KMGTPEZY]?b?(its?)?)$/i.test(String(value));
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
