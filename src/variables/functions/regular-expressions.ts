import type { Value } from "../value.ts";
import { given, type LibraryFunction, number, text } from "./library-function.ts";
import { findAllPatterns, findPattern, replacePattern } from "./patterns.ts";

const flagsOf = (name: string, value: Value | undefined): string =>
  given(value, (one) => text(name, one), "");

/** `\1`, `1`, `\g<name>` and `name` are ways to say which group. */
function groupOf(match: RegExpExecArray, written: Value): Value {
  const group = text("regex_search", written).replace(/^\\(?:g<(.+)>|(\d+))$/, "$1$2");
  const isNumber = /^\d+$/.test(group);
  const found = isNumber ? match[Number(group)] : match.groups?.[group];
  if (
    found === undefined &&
    (isNumber ? Number(group) >= match.length : !Object.hasOwn(match.groups ?? {}, group))
  )
    throw new Error(`regex_search: the pattern has no group ${group}`);
  return found ?? null;
}

/** Functions for regular expressions (JavaScript's, with Python's spelling of groups taken too). A pattern that takes too long is cut off. */
export const regularExpressionFunctions: readonly LibraryFunction[] = [
  {
    name: "regex_match",
    parameters: ["text", "pattern", "flags?"],
    summary:
      "Whether the whole text matches the pattern. Flags: `i` ignores case, `m` takes each line, `s` lets `.` stand for line ends.",
    example: { expression: 'regex_match("abc", "a.c")', value: true },
    call: ([value, pattern, flags]) =>
      findPattern(
        "regex_match",
        text("regex_match", value),
        `^(?:${text("regex_match", pattern)})$`,
        given(flags, (one) => text("regex_match", one), "s"),
      ) !== undefined,
  },
  {
    name: "regex_search",
    parameters: ["text", "pattern", "group?", "flags?"],
    summary:
      "The first match of the pattern, or what a group of it matched (a number, a name, a list of them); null without a match.",
    example: { expression: 'regex_search("v1.24", "v([0-9]+)", 1)', value: "1" },
    call: ([value, pattern, group, flags]) => {
      const found = findPattern(
        "regex_search",
        text("regex_search", value),
        text("regex_search", pattern),
        flagsOf("regex_search", flags),
      );
      if (found === undefined) return null;
      if (group === undefined || group === null) return found[0];
      return Array.isArray(group) ? group.map((one) => groupOf(found, one)) : groupOf(found, group);
    },
  },
  {
    name: "regex_findall",
    parameters: ["text", "pattern", "flags?"],
    summary:
      "Every match; of a pattern with one group what that matched, of one with several a list for each match.",
    example: { expression: 'regex_findall("a1 b22", "[0-9]+")', value: ["1", "22"] },
    call: ([value, pattern, flags]) =>
      findAllPatterns(
        "regex_findall",
        text("regex_findall", value),
        text("regex_findall", pattern),
        flagsOf("regex_findall", flags),
      ).map((match) => {
        const groups = match.slice(1).map((group) => group ?? "");
        return groups.length > 1 ? groups : (groups[0] ?? match[0]);
      }),
  },
  {
    name: "regex_replace",
    parameters: ["text", "pattern", "by", "flags?", "count?"],
    summary:
      "Every match of the pattern, or the first few, replaced; `$1` or `\\1` stands for its first group, `$<name>` for one with a name.",
    example: { expression: 'regex_replace("a1b2", "[0-9]", "_")', value: "a_b_" },
    call: ([value, pattern, by, flags, count]) =>
      replacePattern("regex_replace", text("regex_replace", value), {
        source: text("regex_replace", pattern),
        by: text("regex_replace", by),
        flags: flagsOf("regex_replace", flags),
        count: given(count, (one) => number("regex_replace", one), 0),
      }),
  },
  {
    name: "regex_escape",
    parameters: ["text"],
    summary: "The text as a pattern that matches nothing but it.",
    example: { expression: 'regex_escape("a.b")', value: "a\\.b" },
    call: ([value]) => text("regex_escape", value).replace(/[\\.^$*+?{}[\]|()\-&#~\s]/g, "\\$&"),
  },
];
