import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { Scope } from "../variables/scope.ts";
import { isValueMap, type Value } from "../variables/value.ts";
import type { RoleOption, RoleSpecification } from "./playbook.ts";

/**
 * What is wrong with the variables of a role, by its specification (meta/argument_specs.yml). Each diagnostic points at the variable's own line.
 */
export function checkRoleVariables(specification: RoleSpecification, scope: Scope): Diagnostic[] {
  return [...specification.options].flatMap(([name, option]) => {
    const at = scope.sourceOf(name);
    let value: Value | undefined;
    try {
      value = scope.lookup(name);
    } catch (error) {
      if (error instanceof DiagnosticsError) return [...error.diagnostics];
      throw error;
    }
    return checkOption(name, value, option, at ?? option.at);
  });
}

function checkOption(
  name: string,
  value: Value | undefined,
  option: RoleOption,
  at: SourceRange,
): Diagnostic[] {
  const problem = (message: string, expected?: string): Diagnostic => ({
    severity: "error",
    code: "invalid-role-variable",
    message,
    at,
    hint: option.description,
    ...(expected === undefined ? {} : { expected }),
  });
  if (value === undefined || value === null) {
    return option.required ? [problem(`the variable \`${name}\` must be set`, option.type)] : [];
  }
  if (!hasType(value, option.type)) {
    const shown = option.secret ? "what it is" : JSON.stringify(value);
    return [problem(`the variable \`${name}\` must be ${TYPE_WORDS[option.type]}, not ${shown}`)];
  }
  if (option.choices !== undefined && !option.choices.some((choice) => choice === value)) {
    return [problem(`the variable \`${name}\` can't be ${JSON.stringify(value)}`, option.choices.join(", "))];
  }
  return checkInside(name, value, option, at);
}

function checkInside(name: string, value: Value, option: RoleOption, at: SourceRange): Diagnostic[] {
  if (Array.isArray(value)) {
    const { elements } = option;
    if (elements === undefined) return [];
    const element: RoleOption = { ...option, type: elements, required: true };
    return value.flatMap((item, index) => checkOption(`${name}[${index}]`, item, element, at));
  }
  if (!isValueMap(value) || option.options === undefined) return [];
  const known = option.options;
  const unknown = Object.keys(value)
    .filter((key) => !known.has(key))
    .map(
      (key): Diagnostic => ({
        severity: "error",
        code: "invalid-role-variable",
        message: `\`${name}\` has no key \`${key}\``,
        expected: [...known.keys()].join(", "),
        at,
      }),
    );
  return [
    ...unknown,
    ...[...known].flatMap(([key, inner]) => checkOption(`${name}.${key}`, value[key], inner, at)),
  ];
}

const TYPE_WORDS: Record<RoleOption["type"], string> = {
  str: "text",
  int: "a whole number",
  float: "a number",
  bool: "true or false",
  list: "a list",
  dict: "a mapping",
  path: "a path",
  raw: "anything",
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
  }
}
