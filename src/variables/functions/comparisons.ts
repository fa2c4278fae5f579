import { isDeepStrictEqual } from "node:util";
import type { LibraryFunction } from "./library-function.ts";
import { order } from "./order.ts";

/** Functions that compare: templates have no operators, and `{{#if (eq a b)}}` is how they do without. */
export const comparisonFunctions: readonly LibraryFunction[] = [
  {
    name: "eq",
    parameters: ["a", "b"],
    summary: "Whether both are the same.",
    example: { expression: 'eq("a", "a")', value: true },
    call: ([a, b]) => isDeepStrictEqual(a, b),
  },
  {
    name: "ne",
    parameters: ["a", "b"],
    summary: "Whether they differ.",
    example: { expression: "ne(1, 2)", value: true },
    call: ([a, b]) => !isDeepStrictEqual(a, b),
  },
  {
    name: "lt",
    parameters: ["a", "b"],
    summary: "Whether the first is less than the second: two numbers, or two texts.",
    example: { expression: "lt(1, 2)", value: true },
    call: ([a, b]) => order("lt", a, b) < 0,
  },
  {
    name: "le",
    parameters: ["a", "b"],
    summary: "Whether the first is the second or less.",
    example: { expression: "le(2, 2)", value: true },
    call: ([a, b]) => order("le", a, b) <= 0,
  },
  {
    name: "gt",
    parameters: ["a", "b"],
    summary: "Whether the first is more than the second.",
    example: { expression: "gt(3, 2)", value: true },
    call: ([a, b]) => order("gt", a, b) > 0,
  },
  {
    name: "ge",
    parameters: ["a", "b"],
    summary: "Whether the first is the second or more.",
    example: { expression: 'ge("b", "a")', value: true },
    call: ([a, b]) => order("ge", a, b) >= 0,
  },
];
