import type { Value } from "../value.ts";
import { given, type LibraryFunction, list, number, text, whole } from "./library-function.ts";

/** Python's `split()` without a separator: at blanks, however many. */
function split(value: string, separator: Value | undefined): string[] {
  if (separator === undefined || separator === null) return value.split(/\s+/).filter(Boolean);
  const by = text("split", separator);
  if (by === "") throw new Error("split: the separator is empty");
  return value.split(by);
}

/** `%s`, `%d`, `%05.2f`, `%x` and `%%`, as printf has them. */
function formatted(pattern: string, values: readonly Value[]): string {
  let next = 0;
  return pattern.replace(/%([-0+ ]*)(\d*)(?:\.(\d+))?([sdifxXo%])/g, (...match: string[]) => {
    const [, flags = "", width = "", precision, kind] = match;
    if (kind === "%") return "%";
    if (next >= values.length)
      throw new Error(`format: \`${pattern}\` asks for more than the ${values.length} values there are`);
    const value = values[next++] ?? null;
    const body =
      kind === "s"
        ? text("format", value).slice(0, precision === undefined ? undefined : Number(precision))
        : numeral(kind ?? "d", number("format", value), precision);
    const signed = kind !== "s" && flags.includes("+") && !body.startsWith("-") ? `+${body}` : body;
    if (flags.includes("-")) return signed.padEnd(Number(width));
    if (!flags.includes("0") || kind === "s") return signed.padStart(Number(width));
    const sign = /^[+-]/.exec(signed)?.[0] ?? "";
    return sign + signed.slice(sign.length).padStart(Number(width) - sign.length, "0");
  });
}

function numeral(kind: string, value: number, precision: string | undefined): string {
  switch (kind) {
    case "f":
      return value.toFixed(precision === undefined ? 6 : Number(precision));
    case "x":
      return Math.trunc(value).toString(16);
    case "X":
      return Math.trunc(value).toString(16).toUpperCase();
    case "o":
      return Math.trunc(value).toString(8);
    default:
      return String(Math.trunc(value));
  }
}

const COMMENTS: Readonly<Record<string, { before: string; line: string; after: string }>> = {
  plain: { before: "#", line: "# ", after: "#" },
  c: { before: "//", line: "// ", after: "//" },
  cblock: { before: "/*\n *", line: " * ", after: " *\n */" },
  xml: { before: "<!--\n -", line: " - ", after: " -\n-->" },
  erlang: { before: "%", line: "% ", after: "%" },
};

function comment(value: string, style: string): string {
  const marks = Object.hasOwn(COMMENTS, style) ? COMMENTS[style] : undefined;
  if (marks === undefined)
    throw new Error(`comment: there is no style \`${style}\`; there is ${Object.keys(COMMENTS).join(", ")}`);
  const lines = value.split("\n").map((line) => `${marks.line}${line}`.trimEnd());
  return [marks.before, ...lines, marks.after].join("\n");
}

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
    name: "capitalize",
    parameters: ["text"],
    summary: "With a capital at the start, the rest in lower case.",
    example: { expression: 'capitalize("abC")', value: "Abc" },
    call: ([value]) => {
      const [first = "", ...rest] = text("capitalize", value);
      return first.toUpperCase() + rest.join("").toLowerCase();
    },
  },
  {
    name: "title",
    parameters: ["text"],
    summary: "Every word with a capital at its start.",
    example: { expression: 'title("the end")', value: "The End" },
    call: ([value]) =>
      text("title", value).replace(
        /[^\s\-({[<]+/g,
        (word) => (word[0] ?? "").toUpperCase() + word.slice(1).toLowerCase(),
      ),
  },
  {
    name: "trim",
    parameters: ["text", "characters?"],
    summary: "Without blanks and line ends, or other characters, at both ends.",
    example: { expression: 'trim(" a ")', value: "a" },
    call: ([value, characters]) => {
      const whole = text("trim", value);
      if (characters === undefined || characters === null) return whole.trim();
      const all = [...whole];
      const isKept = (one: string): boolean => !text("trim", characters).includes(one);
      const start = all.findIndex(isKept);
      return start === -1 ? "" : all.slice(start, all.findLastIndex(isKept) + 1).join("");
    },
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
    parameters: ["text", "separator?"],
    summary: "The parts between the separators; without one, the words between blanks.",
    example: { expression: 'split("a,b", ",")', value: ["a", "b"] },
    call: ([value, separator]) => split(text("split", value), separator),
  },
  {
    name: "splitlines",
    parameters: ["text"],
    summary: "The lines.",
    example: { expression: 'splitlines("a\\nb\\n")', value: ["a", "b"] },
    call: ([value]) => {
      const lines = text("splitlines", value).split(/\r\n|\r|\n/);
      return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
    },
  },
  {
    name: "join",
    parameters: ["list", "separator?"],
    summary: "The items as one text, with the separator between them.",
    example: { expression: 'join(["a", "b"], ", ")', value: "a, b" },
    call: ([value, separator]) =>
      list("join", value)
        .map((item) => text("join", item))
        .join(given(separator, (one) => text("join", one), "")),
  },
  {
    name: "indent",
    parameters: ["text", "width?", "first?"],
    summary:
      "Every line but the first (with `first`, that too) moved to the right, by 4 or so many; empty lines are not.",
    example: { expression: 'indent("a\\nb", 2)', value: "a\n  b" },
    call: ([value, width, first]) => {
      const blanks = " ".repeat(given(width, (one) => whole("indent", one, 0, 1_000), 4));
      const lines = text("indent", value).split("\n");
      return lines
        .map((line, index) => (line === "" || (index === 0 && first !== true) ? line : blanks + line))
        .join("\n");
    },
  },
  {
    name: "format",
    parameters: ["pattern", "a?", "b?", "c?", "d?"],
    summary: "The pattern with values in place of `%s`, `%d`, `%.2f`, `%03d`, `%x`.",
    example: { expression: 'format("web%02d", 3)', value: "web03" },
    call: ([pattern, ...values]) =>
      formatted(
        text("format", pattern),
        values.filter((one) => one !== undefined),
      ),
  },
  {
    name: "truncate",
    parameters: ["text", "length", "end?"],
    summary: "No more than so many characters, with `...` (or something else) at the end of what was cut.",
    example: { expression: 'truncate("abcdefgh", 5)', value: "ab..." },
    call: ([value, length, end]) => {
      const [characters, most] = [[...text("truncate", value)], whole("truncate", length, 0, 1e9)];
      const mark = given(end, (one) => text("truncate", one), "...");
      if (characters.length <= most) return characters.join("");
      return characters.slice(0, Math.max(0, most - mark.length)).join("") + mark;
    },
  },
  {
    name: "comment",
    parameters: ["text", "style?"],
    summary: `The text as a comment of a configuration file: ${Object.keys(COMMENTS).join(", ")}.`,
    example: { expression: 'comment("managed")', value: "#\n# managed\n#" },
    call: ([value, style]) =>
      comment(
        text("comment", value),
        given(style, (one) => text("comment", one), "plain"),
      ),
  },
];
