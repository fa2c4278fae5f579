import type { z } from "zod";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { describeValue, shortJson } from "./describe-value.ts";

type Issue = z.core.$ZodIssue;

type IsSecret = (path: readonly string[]) => boolean;

/** One thing that is wrong, in words, at one place below the value that was checked. */
export interface Finding extends Pick<Diagnostic, "message" | "expected" | "hint"> {
  path: readonly string[];
  /** It is the key that is wrong, not its value. */
  ofKey?: boolean;
  unknownKey?: string;
  /** Nothing stands there, and something must. */
  missing?: boolean;
}

/** What zod says when the schema gives no message of its own. */
const STOCK_MESSAGE =
  /^(Invalid (input|string|key|number|option|element|url|date)|Too (small|big)|Unrecognized key)/;

/** What zod says of a value that is not there. */
const NOT_THERE: ReadonlySet<Issue["code"]> = new Set(["invalid_type", "invalid_value", "invalid_union"]);

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
  null: "nothing",
};

/**
 * What an issue means to the person who wrote the value.
 *
 * @param value what was checked, for `not the text "yes"`.
 * @param isSecret whether what stands at a path may not be shown.
 */
export function findingsOf(issue: Issue, value: unknown, isSecret: IsSecret): Finding[] {
  const path = issue.path.map(String);
  const actual = valueAt(value, path);
  const shown = isSecret(path) ? "what is given" : describeValue(actual);
  if (actual === undefined && path.length > 0 && NOT_THERE.has(issue.code))
    return [{ path, missing: true, message: `needs the key \`${path.at(-1) ?? ""}\`` }];
  if (!STOCK_MESSAGE.test(issue.message)) return [{ path, message: lowerFirst(issue.message) }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...path, key],
        ofKey: true,
        unknownKey: key,
        message: `has no key \`${key}\``,
      }));
    case "invalid_type":
      return [{ path, ...wrongType(TYPE_WORDS[issue.expected] ?? issue.expected, actual, shown) }];
    case "invalid_value":
      return [{ path, ...wrongChoice(issue.values, actual, shown) }];
    case "invalid_union":
      return unionFindings(issue.errors, path, actual, isSecret);
    case "invalid_key":
      return issue.issues
        .flatMap((inner) => findingsOf(inner, path.at(-1), () => isSecret(path)))
        .map((finding) => ({ ...finding, path, ofKey: true }));
    case "too_small":
      return [{ path, message: tooSmall(issue.origin, Number(issue.minimum), shown) }];
    case "too_big":
      return [{ path, message: tooBig(issue.origin, Number(issue.maximum), shown) }];
    case "invalid_format":
      return [
        {
          path,
          message: `can't be ${shown}`,
          ...(issue.pattern === undefined ? {} : { expected: `text that matches ${issue.pattern}` }),
        },
      ];
    case "not_multiple_of":
      return [{ path, message: `must be a multiple of ${issue.divisor}, not ${shown}` }];
    default:
      return [{ path, message: lowerFirst(issue.message) }];
  }
}

function wrongType(expected: string, actual: unknown, shown: string): Pick<Finding, "message" | "hint"> {
  const hint = typeHint(expected, actual);
  return { message: `must be ${expected}, not ${shown}`, ...(hint === undefined ? {} : { hint }) };
}

function typeHint(expected: string, actual: unknown): string | undefined {
  if (typeof actual === "string") {
    if (expected === "true or false" && /^(yes|no|true|false|on|off)$/i.test(actual))
      return "write it without quotes; text from a variable: !expr bool(name)";
    if (expected.endsWith("number") && actual.trim() !== "" && Number.isFinite(Number(actual)))
      return "write it without quotes; text from a variable: !expr int(name)";
    if (expected === "a list") return "write each entry on a line of its own that starts with `- `";
    return undefined;
  }
  if (expected === "text" && (typeof actual === "number" || typeof actual === "boolean"))
    return "put it in quotes";
  return undefined;
}

function wrongChoice(
  choices: readonly unknown[],
  actual: unknown,
  shown: string,
): Pick<Finding, "message" | "expected" | "hint"> {
  const meant = typeof actual === "string" ? didYouMean(actual, choices.map(String)) : undefined;
  return {
    message: `can't be ${shown}`,
    expected: choices.map((choice) => (typeof choice === "string" ? choice : shortJson(choice))).join(", "),
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
  };
}

/** The alternative that got furthest is the one that was meant; where none got anywhere, all are named. */
function unionFindings(
  alternatives: readonly (readonly Issue[])[],
  path: readonly string[],
  actual: unknown,
  isSecret: IsSecret,
): Finding[] {
  const meant = alternatives.find((issues) => issues.every((issue) => !isWrongKind(issue)));
  if (meant !== undefined) return inside(meant, path, actual, isSecret);
  const said = alternatives
    .flat()
    .flatMap(innermost)
    .find((issue) => issue.path.length === 0 && !STOCK_MESSAGE.test(issue.message));
  if (said !== undefined) return [{ path, message: lowerFirst(said.message) }];
  const expected = [
    ...new Set(
      alternatives.flatMap((issues) =>
        issues.flatMap((issue) =>
          issue.code === "invalid_type" ? [TYPE_WORDS[issue.expected] ?? issue.expected] : [],
        ),
      ),
    ),
  ];
  const shown = isSecret(path) ? "what is given" : describeValue(actual);
  return [
    {
      path: [...path],
      message: expected.length === 0 ? `can't be ${shown}` : `must be ${expected.join(" or ")}, not ${shown}`,
    },
  ];
}

/** Alternatives may have alternatives themselves. */
function innermost(issue: Issue): readonly Issue[] {
  return issue.code === "invalid_union" && issue.path.length === 0
    ? issue.errors.flat().flatMap(innermost)
    : [issue];
}

function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

function inside(
  issues: readonly Issue[],
  path: readonly string[],
  actual: unknown,
  isSecret: IsSecret,
): Finding[] {
  return issues
    .flatMap((issue) => findingsOf(issue, actual, (below) => isSecret([...path, ...below])))
    .map((finding) => ({ ...finding, path: [...path, ...finding.path] }));
}

function tooSmall(origin: string, minimum: number, shown: string): string {
  if (origin === "string")
    return minimum === 1 ? "must not be empty" : `must have at least ${minimum} characters`;
  if (origin === "array" || origin === "set")
    return minimum === 1 ? "must not be empty" : `must have at least ${minimum} entries`;
  return `must be at least ${minimum}, not ${shown}`;
}

function tooBig(origin: string, maximum: number, shown: string): string {
  if (origin === "string") return `must have at most ${maximum} characters`;
  if (origin === "array" || origin === "set") return `must have at most ${maximum} entries`;
  return `must be at most ${maximum}, not ${shown}`;
}

/** What stands at the end of a path inside a value. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let current: unknown = value;
  for (const step of path) {
    current =
      typeof current === "object" && current !== null && Object.hasOwn(current, step)
        ? (current as Record<string, unknown>)[step]
        : undefined;
  }
  return current;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
