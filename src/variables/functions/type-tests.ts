import type { Value } from "../value.ts";
import { isTruthy, type LibraryFunction } from "./library-function.ts";

const test = (
  name: string,
  summary: string,
  { example, holds }: { example: string; holds: (value: Value | undefined) => boolean },
): LibraryFunction => ({
  name,
  parameters: ["value"],
  summary,
  example: { expression: `${name}(${example})`, value: true },
  call: ([value]) => holds(value),
});

/** Functions that tell of which type a value is (Jinja2's `is string` and the like). */
export const typeTestFunctions: readonly LibraryFunction[] = [
  test("is_string", "Whether it is text.", { example: '"a"', holds: (value) => typeof value === "string" }),
  test("is_number", "Whether it is a number.", {
    example: "1.5",
    holds: (value) => typeof value === "number",
  }),
  test("is_integer", "Whether it is a whole number.", {
    example: "1",
    holds: (value) => Number.isInteger(value),
  }),
  test("is_boolean", "Whether it is true or false.", {
    example: "false",
    holds: (value) => typeof value === "boolean",
  }),
  test("is_list", "Whether it is a list.", { example: "[]", holds: (value) => Array.isArray(value) }),
  test("is_mapping", "Whether it is a mapping.", {
    example: "{}",
    holds: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  }),
  test("is_none", "Whether it is null.", {
    example: "null",
    holds: (value) => value === null || value === undefined,
  }),
  test("is_truthy", "Whether it is neither false, nor zero, nor null, nor empty.", {
    example: "[1]",
    holds: isTruthy,
  }),
  {
    name: "type_debug",
    parameters: ["value"],
    summary: "The name of the value's type: text, number, boolean, list, mapping, null.",
    example: { expression: "type_debug([])", value: "list" },
    call: ([value]) => {
      if (value === null || value === undefined) return "null";
      if (Array.isArray(value)) return "list";
      return typeof value === "string" ? "text" : typeof value === "object" ? "mapping" : typeof value;
    },
  },
];
