import type { Diagnostic, SourceRange } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Value } from "../variables/value.ts";
import { shortJson } from "./describe-value.ts";
import type { Entries } from "./entries.ts";
import type { TogetherRule } from "./playbook.ts";

/** Keys of a specification that say which options go together. */
export const TOGETHER_KEYS = [
  "mutually_exclusive",
  "required_together",
  "required_one_of",
  "required_if",
  "required_by",
];

const LISTS = {
  mutually_exclusive: "exclusive",
  required_together: "together",
  required_one_of: "one-of",
} as const;

/** Reads them; what is wrong is noted. */
export function togetherRules(entries: Entries): TogetherRule[] {
  const rules: TogetherRule[] = [];
  for (const [key, kind] of Object.entries(LISTS)) {
    for (const { names, at } of listsOf(entries, key)) rules.push({ kind, names: names.map(String), at });
  }
  for (const { names, at } of listsOf(entries, "required_if")) {
    const [name, value, required, any] = names;
    if (typeof name === "string" && value !== undefined && Array.isArray(required)) {
      rules.push({ kind: "if", names: required.map(String), when: { name, value, any: any === true }, at });
    } else entries.wrong("required_if", "a list of [option, value, [options that it needs]]");
  }
  const by = entries.value("required_by");
  if (by !== undefined && by.kind !== "map")
    entries.wrong("required_by", "a mapping of an option to those that it needs");
  for (const { key, keyAt, value } of by?.kind === "map" ? by.entries : []) {
    const needed = literalOf(value);
    const names = Array.isArray(needed) ? needed : [needed];
    if (!names.every((name) => typeof name === "string")) {
      entries.wrong("required_by", "a mapping of an option to those that it needs");
      continue;
    }
    rules.push({ kind: "by", names, when: { name: key }, at: keyAt ?? entries.positionOf("required_by") });
  }
  return rules;
}

function listsOf(entries: Entries, key: string): { names: readonly Value[]; at: SourceRange }[] {
  return entries.list(key).flatMap((item) => {
    const names = literalOf(item);
    const at = item.at ?? entries.positionOf(key);
    if (Array.isArray(names)) return [{ names, at }];
    entries.wrong(key, "a list of lists");
    return [];
  });
}

/**
 * What is wrong with options taken together.
 *
 * @param given the value of an option; undefined and null for one that is not given.
 * @param at where to point to.
 */
export function togetherProblems(
  rules: readonly TogetherRule[],
  given: (name: string) => Value | undefined,
  at: SourceRange | undefined,
): Diagnostic[] {
  const isGiven = (name: string): boolean => (given(name) ?? null) !== null;
  return rules.flatMap((rule) => {
    const message = brokenRule(rule, isGiven, given);
    if (message === undefined) return [];
    return [{ severity: "error", code: "invalid-role-variable", message, at: at ?? rule.at }];
  });
}

function brokenRule(
  { kind, names, when }: TogetherRule,
  isGiven: (name: string) => boolean,
  given: (name: string) => Value | undefined,
): string | undefined {
  const set = names.filter(isGiven);
  const missing = names.filter((name) => !isGiven(name));
  const listed = (some: readonly string[]): string => some.map((name) => `\`${name}\``).join(", ");
  switch (kind) {
    case "exclusive":
      return set.length > 1 ? `only one of these may be set: ${listed(set)}` : undefined;
    case "together":
      return set.length > 0 && missing.length > 0
        ? `${listed(set)} needs ${listed(missing)} to be set too`
        : undefined;
    case "one-of":
      return set.length === 0 ? `one of these must be set: ${listed(names)}` : undefined;
    case "by":
      return when !== undefined && isGiven(when.name) && missing.length > 0
        ? `\`${when.name}\` needs ${listed(missing)} to be set too`
        : undefined;
    case "if": {
      if (when?.value === undefined || given(when.name) !== when.value) return undefined;
      const isMet = when.any === true ? set.length > 0 : missing.length === 0;
      if (isMet) return undefined;
      const needed = when.any === true ? `one of ${listed(names)}` : listed(missing);
      return `\`${when.name}: ${shortJson(when.value)}\` needs ${needed} to be set`;
    }
  }
}
