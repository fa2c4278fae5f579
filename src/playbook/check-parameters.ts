import type { z } from "zod";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import { valueAt } from "./issue-text.ts";
import { parameterSchemas } from "./parameter-schema.ts";
import { type Checked, issueDiagnostics, missingParameter, unknownParameter } from "./validate-parameters.ts";

/** Stands where a template will give something that nobody knows yet. No file can hold it: YAML refuses the character. */
const UNKNOWN = "\u0000plumb: not known yet";

/**
 * What is wrong with the parameters before any host is known: names, what is missing, and values without templates.
 */
export function checkParameters(checked: Checked): Diagnostic[] {
  const { module, task } = checked;
  const schemas = parameterSchemas(module);
  const given = Object.fromEntries(task.parameters.map(({ key, value }) => [key, knownPart(value)]));
  const isLiteral = task.parameters.every(({ value }) => literalOf(value) !== undefined);
  if (schemas === undefined || isLiteral)
    return issuesOf(module.params as z.ZodType, given)
      .filter((issue) => isLiteral || isAboutKnown(issue, given))
      .flatMap((issue) => issueDiagnostics(issue, checked, given));
  const unknown = task.parameters.filter(({ key }) => !schemas.has(key));
  const missing = [...schemas].filter(
    ([name, schema]) => !(name in given) && !schema.safeParse(undefined).success,
  );
  return [
    ...unknown.map(({ key }) => unknownParameter(key, checked)),
    ...missing.map(([name]) => missingParameter(name, checked)),
    ...task.parameters.flatMap(({ key, value }) => {
      const schema = schemas.get(key);
      return schema === undefined ? [] : checkOne(key, value, schema, checked, given);
    }),
  ];
}

/**
 * The same for `module_defaults`, each entry by itself: tasks may give what is missing, and take back what does not go together.
 */
export function checkDefaults(checked: Checked): Diagnostic[] {
  const { module, task } = checked;
  const schemas = parameterSchemas(module);
  if (schemas === undefined) return [];
  const given = Object.fromEntries(task.parameters.map(({ key, value }) => [key, knownPart(value)]));
  return task.parameters.flatMap(({ key, value }) => {
    const schema = schemas.get(key);
    return schema === undefined
      ? [unknownParameter(key, checked)]
      : checkOne(key, value, schema, checked, given);
  });
}

/** Defaults of a group of modules: each must be a parameter of one of them. */
export function parameterOfNone(all: readonly [Checked, ...Checked[]]): Diagnostic[] {
  const known = all.map(({ module }) => parameterSchemas(module));
  if (known.includes(undefined)) return [];
  const [first] = all;
  return first.task.parameters
    .filter(({ key }) => !known.some((schemas) => schemas?.has(key)))
    .map(({ key }) => unknownParameter(key, first));
}

/** One parameter by its own schema: rules about several parameters have to wait until all are known. */
function checkOne(
  key: string,
  value: Templated,
  schema: z.ZodType,
  checked: Checked,
  given: Readonly<Record<string, unknown>>,
): Diagnostic[] {
  const isLiteral = literalOf(value) !== undefined;
  return issuesOf(schema, given[key])
    .map((issue) => ({ ...issue, path: [key, ...issue.path] }) as z.core.$ZodIssue)
    .filter((issue) => isLiteral || isAboutKnown(issue, given))
    .flatMap((issue) => issueDiagnostics(issue, checked, given));
}

/** An issue counts when nothing at its place is yet to come; what a rule of the module's own says may be about anything. */
function isAboutKnown(issue: z.core.$ZodIssue, given: unknown): boolean {
  if (issue.code === "unrecognized_keys" || issue.code === "invalid_key") return true;
  return issue.code !== "custom" && !holdsUnknown(valueAt(given, issue.path.map(String)));
}

function holdsUnknown(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === UNKNOWN;
  return Object.values(value).some(holdsUnknown);
}

function issuesOf(schema: z.ZodType, value: unknown): readonly z.core.$ZodIssue[] {
  return schema.safeParse(value).error?.issues ?? [];
}

function knownPart(value: Templated): unknown {
  switch (value.kind) {
    case "literal":
      return value.value;
    case "list":
      return value.items.map(knownPart);
    case "map":
      return Object.fromEntries(value.entries.map((entry) => [entry.key, knownPart(entry.value)]));
    default:
      return UNKNOWN;
  }
}
