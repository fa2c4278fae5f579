import type { z } from "zod";
import { type Diagnostic, DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Module } from "../modules/module.ts";
import { insteadOf } from "../modules/not-taken.ts";
import type { Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import { type Finding, findingsOf } from "./issue-text.ts";
import { type Parameterised, parameterPosition } from "./parameter-position.ts";
import { parameterNames } from "./parameter-schema.ts";

/**
 * The parameters as the module takes them: defaults filled in, types checked.
 *
 * @param scope of the task: a value that came from a variable is then blamed where the variable was written.
 * @throws DiagnosticsError invalid-parameter, missing-key, unknown-parameter; at the line of the value.
 */
export function validateParameters(
  module: Module,
  task: Parameterised,
  values: ReadonlyMap<string, Value>,
  scope?: Scope,
): unknown {
  const given = Object.fromEntries(values);
  const result = (module.params as z.ZodType<unknown>).safeParse(given);
  if (result.success) {
    const nul = [...values].flatMap(([name, value]) => pathOfNul(module, name, value) ?? []);
    if (nul.length === 0) return result.data;
    throw new DiagnosticsError(nul.map((finding) => asDiagnostic(finding, { module, task, scope })));
  }
  throw new DiagnosticsError(
    result.error.issues.flatMap((issue) => issueDiagnostics(issue, { module, task, scope }, given)),
  );
}

/** What becomes the content of a file, or is only shown, may be any text. */
const ANY_TEXT: ReadonlySet<string> = new Set([
  "block",
  "body",
  "content",
  "fail_msg",
  "line",
  "msg",
  "replace",
  "success_msg",
  "value",
]);

/** No name, path or argument on a host can hold a NUL character: where one stands; undefined where none does. */
function pathOfNul(module: Module, name: string, value: Value): Finding | undefined {
  if (module.name === "set_fact" || ANY_TEXT.has(name)) return undefined;
  const within = (some: Value, path: readonly string[]): readonly string[] | undefined => {
    if (typeof some === "string") return some.includes("\0") ? path : undefined;
    if (typeof some !== "object" || some === null) return undefined;
    for (const [key, inner] of Object.entries(some)) {
      const found = key.includes("\0") ? path : within(inner, [...path, key]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const path = within(value, [name]);
  return path === undefined ? undefined : { path, message: "must not contain a NUL character" };
}

/** Of which task's parameters an issue speaks. */
export interface Checked {
  module: Module;
  task: Parameterised;
  scope?: Scope | undefined;
}

/** An issue of the whole parameters as diagnostics with positions. */
export function issueDiagnostics(issue: z.core.$ZodIssue, checked: Checked, given: unknown): Diagnostic[] {
  const { module } = checked;
  return findingsOf(issue, given, (path) => isSecret(module, path)).map((finding) =>
    asDiagnostic(finding, checked),
  );
}

/** `secretParams` are paths without the indices of lists. */
function isSecret(module: Module, path: readonly string[]): boolean {
  const place = path.filter((step) => !/^\d+$/.test(step)).join(".");
  return (module.secretParams ?? []).some((secret) => place === secret || place.startsWith(`${secret}.`));
}

/** A finding about the parameters, at its position. */
function asDiagnostic(finding: Finding, checked: Checked): Diagnostic {
  const { task, module, scope } = checked;
  const { path, message, expected, hint, unknownKey, missing = false, ofKey = false } = finding;
  if (unknownKey !== undefined && path.length === 1) return unknownParameter(unknownKey, checked);
  if (missing && path.length === 1) return missingParameter(path[0] ?? "", checked);
  const subject = [task.module, ...(ofKey || missing ? path.slice(0, -1) : path)].join(".");
  return {
    severity: "error",
    code: unknownKey !== undefined ? "unknown-parameter" : missing ? "missing-key" : "invalid-parameter",
    message: `\`${subject}\`${/^(give|write|use|name) /.test(message) ? ":" : ""} ${message}`,
    at: parameterPosition(task, path, { ofKey, scope }),
    ...(expected === undefined ? {} : { expected }),
    hint: hint ?? `plumb doc ${module.name} shows its parameters`,
  };
}

export function missingParameter(name: string, { task, module }: Checked): Diagnostic {
  return {
    severity: "error",
    code: "missing-key",
    message: `\`${task.module}\` needs the parameter \`${name}\``,
    at: task.at,
    hint: `plumb doc ${module.name} shows its parameters`,
  };
}

export function unknownParameter(key: string, { task, module }: Checked): Diagnostic {
  const names = parameterNames(module) ?? [];
  const meant = didYouMean(key, names);
  const instead = insteadOf(module.name, key);
  return {
    severity: "error",
    code: "unknown-parameter",
    message: `\`${task.module}\` has no parameter \`${key}\``,
    at: parameterPosition(task, [key], { ofKey: true }),
    ...(names.length === 0 ? {} : { expected: names.join(", ") }),
    hint:
      instead !== undefined
        ? `Ansible's module has it: ${instead}`
        : meant === undefined
          ? `plumb doc ${module.name} shows its parameters`
          : `did you mean \`${meant}\`?`,
  };
}
