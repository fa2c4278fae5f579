import { compareVersions } from "../../pgbouncer/compare-versions.ts";
import { type LibraryFunction, list, number, text } from "./library-function.ts";

const numbers = (name: string, value: unknown): number[] =>
  list(name, value as never).map((item) => number(name, item));

/** Functions for numbers and versions. */
export const numberFunctions: readonly LibraryFunction[] = [
  {
    name: "min",
    parameters: ["list"],
    summary: "The smallest number of a list.",
    example: { expression: "min([3, 1])", value: 1 },
    call: ([value]) => Math.min(...numbers("min", value)),
  },
  {
    name: "max",
    parameters: ["list"],
    summary: "The largest number of a list.",
    example: { expression: "max([3, 1])", value: 3 },
    call: ([value]) => Math.max(...numbers("max", value)),
  },
  {
    name: "sum",
    parameters: ["list"],
    summary: "The numbers of a list added up.",
    example: { expression: "sum([1, 2])", value: 3 },
    call: ([value]) => numbers("sum", value).reduce((total, one) => total + one, 0),
  },
  {
    name: "abs",
    parameters: ["number"],
    summary: "The number without its sign.",
    example: { expression: "abs(-2)", value: 2 },
    call: ([value]) => Math.abs(number("abs", value)),
  },
  {
    name: "floor",
    parameters: ["number"],
    summary: "The next whole number below.",
    example: { expression: "floor(1.7)", value: 1 },
    call: ([value]) => Math.floor(number("floor", value)),
  },
  {
    name: "ceil",
    parameters: ["number"],
    summary: "The next whole number above.",
    example: { expression: "ceil(1.2)", value: 2 },
    call: ([value]) => Math.ceil(number("ceil", value)),
  },
  {
    name: "to_int",
    parameters: ["value"],
    summary: "Text or a number as a whole number.",
    example: { expression: 'to_int("42")', value: 42 },
    call: ([value]) => {
      const converted =
        typeof value === "number" ? Math.trunc(value) : Number(text("to_int", value).trim() || Number.NaN);
      if (!Number.isInteger(converted))
        throw new Error(`to_int: ${JSON.stringify(value)} is not a whole number`);
      return converted;
    },
  },
  {
    name: "version_compare",
    parameters: ["a", "b"],
    summary: "-1, 0 or 1: how two versions stand to each other, number by number.",
    example: { expression: 'version_compare("1.9", "1.18") < 0', value: true },
    call: ([a, b]) => compareVersions(text("version_compare", a), text("version_compare", b)),
  },
];
