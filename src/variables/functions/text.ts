import path from "node:path";
import { type LibraryFunction, list, number, text } from "./library-function.ts";

/** Functions for text. */
export const textFunctions: readonly LibraryFunction[] = [
  {
    name: "lower",
    parameters: ["text"],
    summary: "In lower case.",
    example: { expression: 'lower("AbC")', value: "abc" },
    call: ([value]) => text("lower", value).toLowerCase(),
  },
  {
    name: "upper",
    parameters: ["text"],
    summary: "In upper case.",
    example: { expression: 'upper("AbC")', value: "ABC" },
    call: ([value]) => text("upper", value).toUpperCase(),
  },
  {
    name: "trim",
    parameters: ["text"],
    summary: "Without blanks and line ends at both ends.",
    example: { expression: 'trim(" a ")', value: "a" },
    call: ([value]) => text("trim", value).trim(),
  },
  {
    name: "replace",
    parameters: ["text", "part", "by"],
    summary: "Every occurrence of a part replaced.",
    example: { expression: 'replace("a-b-c", "-", ".")', value: "a.b.c" },
    call: ([value, part, by]) =>
      text("replace", value).replaceAll(text("replace", part), () => text("replace", by)),
  },
  {
    name: "split",
    parameters: ["text", "separator"],
    summary: "The parts between the separators.",
    example: { expression: 'split("a,b", ",")', value: ["a", "b"] },
    call: ([value, separator]) => text("split", value).split(text("split", separator)),
  },
  {
    name: "join",
    parameters: ["list", "separator?"],
    summary: "The items as one text, with the separator between them.",
    example: { expression: 'join(["a", "b"], ", ")', value: "a, b" },
    call: ([value, separator]) =>
      list("join", value)
        .map((item) => text("join", item))
        .join(separator === undefined ? "" : text("join", separator)),
  },
  {
    name: "indent",
    parameters: ["text", "width"],
    summary: "Every line but the first moved to the right.",
    example: { expression: 'indent("a\\nb", 2)', value: "a\n  b" },
    call: ([value, width]) =>
      text("indent", value).replaceAll("\n", `\n${" ".repeat(number("indent", width))}`),
  },
  {
    name: "regex_match",
    parameters: ["text", "pattern"],
    summary: "Whether the whole text matches the pattern (JavaScript's).",
    example: { expression: 'regex_match("abc", "a.c")', value: true },
    call: ([value, pattern]) =>
      new RegExp(`^(?:${text("regex_match", pattern)})$`, "s").test(text("regex_match", value)),
  },
  {
    name: "regex_search",
    parameters: ["text", "pattern"],
    summary: "The first match of the pattern (of its first group, if it has one); null without one.",
    example: { expression: 'regex_search("v1.24", "[0-9.]+")', value: "1.24" },
    call: ([value, pattern]) => {
      const found = new RegExp(text("regex_search", pattern)).exec(text("regex_search", value));
      return found === null ? null : (found[1] ?? found[0]);
    },
  },
  {
    name: "regex_replace",
    parameters: ["text", "pattern", "by"],
    summary: "Every match of the pattern replaced; `$1` stands for its first group.",
    example: { expression: 'regex_replace("a1b2", "[0-9]", "_")', value: "a_b_" },
    call: ([value, pattern, by]) =>
      text("regex_replace", value).replace(
        new RegExp(text("regex_replace", pattern), "g"),
        text("regex_replace", by),
      ),
  },
  {
    name: "basename",
    parameters: ["path"],
    summary: "The last part of a path.",
    example: { expression: 'basename("/etc/hosts")', value: "hosts" },
    call: ([value]) => path.posix.basename(text("basename", value)),
  },
  {
    name: "dirname",
    parameters: ["path"],
    summary: "A path without its last part.",
    example: { expression: 'dirname("/etc/hosts")', value: "/etc" },
    call: ([value]) => path.posix.dirname(text("dirname", value)),
  },
];
