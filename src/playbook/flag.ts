import { inputError } from "../diagnostics/diagnostic.ts";
import type { Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";
import { describeValue } from "./describe-value.ts";

/** What Ansible takes for true and false where a keyword needs one of them: text counts too. */
const TRUE = /^(true|yes|on|1|y|t)$/i;
const FALSE = /^(false|no|off|0|n|f)$/i;

/** The value as true or false; undefined for one that is neither. */
export function booleanOf(value: Value | undefined): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  if (TRUE.test(String(value))) return true;
  return FALSE.test(String(value)) ? false : undefined;
}

/**
 * A keyword's value, made so that evaluating it gives true or false and nothing else: `no_log: "{{ hide }}"` must hide
 * when `hide` is the text "yes".
 *
 * @returns undefined for what can't be either.
 */
export function flagOf(keyword: string, value: Templated): Templated | undefined {
  if (value.kind === "literal") {
    const literal = booleanOf(value.value);
    return literal === undefined ? undefined : { ...value, value: literal };
  }
  if (value.kind !== "text" && value.kind !== "expression") return undefined;
  const inner = value.kind === "text" ? value.template : value.expression;
  const evaluate = (scope: Scope): boolean => {
    const result = inner.evaluate(scope);
    const flag = booleanOf(result);
    if (flag !== undefined) return flag;
    throw inputError(
      "wrong-type",
      `\`${keyword}\` must be true or false, and came out as ${describeValue(result)}`,
      {
        ...(value.at === undefined ? {} : { at: value.at }),
      },
    );
  };
  return { ...value, kind: "expression", expression: { source: inner.source, names: inner.names, evaluate } };
}
