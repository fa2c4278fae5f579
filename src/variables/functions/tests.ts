import { isDeepStrictEqual } from "node:util";
import { didYouMean } from "../../diagnostics/did-you-mean.ts";
import type { Value } from "../value.ts";
import { isTruthy, list, map, number, text } from "./library-function.ts";
import { order } from "./order.ts";
import { findPattern } from "./patterns.ts";

type Test = (value: Value | undefined, argument: Value | undefined) => boolean;

const isNumber: Test = (value) => typeof value === "number";
const isText: Test = (value) => typeof value === "string";
const isList: Test = (value) => Array.isArray(value);
const isMap: Test = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isDefined: Test = (value) => value !== undefined && value !== null;
const isIn: Test = (value, among) =>
  typeof among === "string"
    ? among.includes(text("in", value))
    : Array.isArray(among)
      ? among.some((one) => isDeepStrictEqual(one, value))
      : Object.hasOwn(map("in", among), text("in", value));
const equals: Test = (a, b) => isDeepStrictEqual(a, b);
const compares =
  (name: string, holds: (sign: number) => boolean): Test =>
  (a, b) =>
    holds(order(name, a, b));
const less = compares("lt", (sign) => sign < 0);
const lessOrEqual = compares("le", (sign) => sign <= 0);
const greater = compares("gt", (sign) => sign > 0);
const greaterOrEqual = compares("ge", (sign) => sign >= 0);
const divides: Test = (value, by) => number("divisibleby", value) % number("divisibleby", by) === 0;

/** Jinja2's and Ansible's tests, for `select`, `reject`, `selectattr` and `rejectattr`, under all names that people know them by. */
const TESTS: Readonly<Record<string, Test>> = {
  defined: isDefined,
  undefined: (value, argument) => !isDefined(value, argument),
  none: (value) => value === null,
  truthy: isTruthy,
  falsy: (value) => !isTruthy(value),
  true: (value) => value === true,
  false: (value) => value === false,
  boolean: (value) => typeof value === "boolean",
  number: isNumber,
  integer: (value) => Number.isInteger(value),
  float: (value) => typeof value === "number" && !Number.isInteger(value),
  string: isText,
  mapping: isMap,
  sequence: (value, argument) => isList(value, argument) || isText(value, argument),
  list: isList,
  even: (value) => number("even", value) % 2 === 0,
  odd: (value) => Math.abs(number("odd", value)) % 2 === 1,
  divisibleby: divides,
  lower: (value) => text("lower", value) === text("lower", value).toLowerCase(),
  upper: (value) => text("upper", value) === text("upper", value).toUpperCase(),
  "==": equals,
  eq: equals,
  equalto: equals,
  "!=": (a, b) => !equals(a, b),
  ne: (a, b) => !equals(a, b),
  "<": less,
  lt: less,
  lessthan: less,
  "<=": lessOrEqual,
  le: lessOrEqual,
  ">": greater,
  gt: greater,
  greaterthan: greater,
  ">=": greaterOrEqual,
  ge: greaterOrEqual,
  in: isIn,
  contains: (value, wanted) => isIn(wanted, value),
  match: (value, pattern) =>
    findPattern("match", text("match", value), `^(?:${text("match", pattern)})`) !== undefined,
  search: (value, pattern) =>
    findPattern("search", text("search", value), text("search", pattern)) !== undefined,
  regex: (value, pattern) => findPattern("regex", text("regex", value), text("regex", pattern)) !== undefined,
  subset: (value, of) => list("subset", value).every((one) => isIn(one, of)),
  superset: (value, of) => list("superset", of).every((one) => isIn(one, value)),
};

/**
 * A test by its name.
 *
 * @throws Error with the name that was probably meant.
 */
export function testNamed(name: string): Test {
  const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
  if (test !== undefined) return test;
  const meant = didYouMean(name, Object.keys(TESTS));
  throw new Error(
    `there is no test \`${name}\`${meant === undefined ? `: ${Object.keys(TESTS).join(" ")}` : `; did you mean \`${meant}\`?`}`,
  );
}
