import type { z } from "zod";
import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Module } from "../modules/module.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";
import type { Task } from "./playbook.ts";

/** What names and checks the parameters of a task. */
type Parameterised = Pick<Task, "module" | "parameters" | "at">;

/**
 * The parameters as the module takes them: defaults filled in, types checked.
 *
 * @throws DiagnosticsError invalid-parameter, missing-key, unknown-parameter; at the line of the value.
 */
export function validateParameters(
  module: Module,
  task: Parameterised,
  values: ReadonlyMap<string, Value>,
): unknown {
  const result = (module.params as z.ZodType<unknown>).safeParse(Object.fromEntries(values));
  if (result.success) return result.data;
  throw new DiagnosticsError(result.error.issues.flatMap((issue) => problemsOf(issue, module, task, values)));
}

/**
 * What is wrong with the parameters before any host is known: names, what is missing, and values without templates.
 */
export function checkParameters(module: Module, task: Parameterised): Diagnostic[] {
  const names = parameterNames(module);
  const literal = new Map<string, Value>();
  let templated = false;
  for (const { key, value } of task.parameters) {
    const known = literalOf(value);
    if (known === undefined) templated = true;
    else literal.set(key, known);
  }
  const result = (module.params as z.ZodType<unknown>).safeParse(Object.fromEntries(literal));
  if (result.success) return [];
  const given = new Set(task.parameters.map(({ key }) => key));
  return result.error.issues
    .filter((issue) => !templated || concernsLiteral(issue, literal, given))
    .flatMap((issue) => problemsOf(issue, module, task, literal))
    .filter((problem) => names !== undefined || problem.code !== "unknown-parameter");
}

/** With templates about, an issue counts if it is about a value that is known, a name, or something that nobody gave. */
function concernsLiteral(
  issue: z.core.$ZodIssue,
  literal: ReadonlyMap<string, Value>,
  given: ReadonlySet<string>,
): boolean {
  if (issue.code === "unrecognized_keys") return true;
  const [first] = issue.path;
  if (first === undefined || issue.code === "custom")
    return first !== undefined && literal.has(String(first));
  return literal.has(String(first)) || !given.has(String(first));
}

/** The names that a module's schema knows; undefined for one that takes any. */
export function parameterNames(module: Module): string[] | undefined {
  const shape = (module.params as unknown as { shape?: Record<string, unknown> }).shape;
  return shape === undefined ? undefined : Object.keys(shape);
}

function problemsOf(
  issue: z.core.$ZodIssue,
  module: Module,
  task: Parameterised,
  values: ReadonlyMap<string, Value>,
): Diagnostic[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownParameter(key, issue.path.map(String), module, task));
  }
  const path = issue.path.map(String);
  const at = positionOf(task, path);
  const name = path.join(".");
  const missing = issue.code !== "custom" && path.length > 0 && valueAt(values, path) === undefined;
  if (missing && path.length === 1) {
    return [
      {
        severity: "error",
        code: "missing-key",
        message: `\`${task.module}\` needs the parameter \`${name}\``,
        at: task.at,
        hint: `plumb doc ${task.module} shows its parameters`,
      },
    ];
  }
  const subject = name === "" ? `\`${task.module}\`` : `\`${task.module}.${name}\``;
  return [
    { severity: "error", code: "invalid-parameter", message: `${subject}: ${lowerFirst(issue.message)}`, at },
  ];
}

function unknownParameter(
  key: string,
  path: readonly string[],
  module: Module,
  task: Parameterised,
): Diagnostic {
  const names = path.length === 0 ? (parameterNames(module) ?? []) : [];
  const meant = didYouMean(key, names);
  return {
    severity: "error",
    code: "unknown-parameter",
    message: `\`${[task.module, ...path].join(".")}\` has no parameter \`${key}\``,
    at: positionOf(task, [...path, key], true),
    ...(names.length === 0 ? {} : { expected: names.join(", ") }),
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
  };
}

/** The position of a parameter's value (or key), as deep as the path leads. */
export function positionOf(task: Parameterised, path: readonly string[], ofKey = false): SourceRange {
  const [first, ...rest] = path;
  const entry = task.parameters.find(({ key }) => key === first);
  if (entry === undefined) return task.at;
  let at = (ofKey && rest.length === 0 ? entry.keyAt : entry.value.at) ?? task.at;
  let current: Templated | undefined = entry.value;
  for (const [index, step] of rest.entries()) {
    if (current?.kind === "list") current = current.items[Number(step)];
    else if (current?.kind === "map") {
      const inner = current.entries.find(({ key }) => key === step);
      if (ofKey && index === rest.length - 1) return inner?.keyAt ?? at;
      current = inner?.value;
    } else current = undefined;
    at = current?.at ?? at;
  }
  return at;
}

function valueAt(values: ReadonlyMap<string, Value>, path: readonly string[]): unknown {
  let current: unknown = values.get(path[0] ?? "");
  for (const step of path.slice(1)) {
    current =
      typeof current === "object" && current !== null
        ? (current as Record<string, unknown>)[step]
        : undefined;
  }
  return current;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
