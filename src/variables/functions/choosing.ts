import { given, isTruthy, type LibraryFunction, text } from "./library-function.ts";

/** Functions for what may be missing, and for choosing one of two. `tolerant` ones take a variable that no level defines. */
export const choosingFunctions: readonly LibraryFunction[] = [
  {
    name: "default",
    parameters: ["value", "fallback", "also_empty?"],
    summary:
      "The value, or the fallback when it is undefined, null or missing; with `true` behind it also when it is empty, zero or false.",
    example: { expression: 'default(null, "x")', value: "x" },
    call: ([value, fallback, alsoEmpty]) =>
      (alsoEmpty === true && !isTruthy(value) ? fallback : (value ?? fallback)) ?? null,
  },
  {
    name: "defined",
    parameters: ["value"],
    summary: "Whether a variable or key is there and not null.",
    example: { expression: "defined(1)", value: true },
    call: ([value]) => value !== null && value !== undefined,
  },
  {
    name: "mandatory",
    parameters: ["value", "message?"],
    summary: "The value; an error with your message when it is undefined or null.",
    example: { expression: 'mandatory("x", "set it")', value: "x" },
    call: ([value, message]) => {
      if (value !== undefined && value !== null) return value;
      throw new Error(given(message, (one) => text("mandatory", one), "mandatory: the value is not defined"));
    },
  },
  {
    name: "ternary",
    parameters: ["condition", "yes", "no", "unknown?"],
    summary:
      "The second argument where the condition is true, otherwise the third; the fourth, if there is one, for null.",
    example: { expression: "ternary(true, 1, 2)", value: 1 },
    call: ([condition, yes, no, unknown]) => {
      if ((condition === null || condition === undefined) && unknown !== undefined) return unknown;
      return (isTruthy(condition) ? yes : no) ?? null;
    },
  },
];

/** Functions whose first argument may be undefined, or have no such key: asking is what they are for. */
export const TOLERANT_FUNCTIONS: ReadonlySet<string> = new Set(["default", "defined", "mandatory"]);
