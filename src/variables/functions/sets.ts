import { isDeepStrictEqual } from "node:util";
import type { Value } from "../value.ts";
import { attribute } from "./attribute.ts";
import { given, type LibraryFunction, list, text } from "./library-function.ts";

/** A value that stands for itself in a Set: two numbers or texts are the same when they are equal. */
const isSimple = (value: Value): boolean => typeof value !== "object" || value === null;

/** Whether a value is among others; made once for many questions, so that long lists of names stay quick. */
export function memberOf(values: readonly Value[]): (wanted: Value) => boolean {
  const simple = new Set(values.filter(isSimple));
  const others = values.filter((value) => !isSimple(value));
  return (wanted) =>
    isSimple(wanted) ? simple.has(wanted) : others.some((one) => isDeepStrictEqual(one, wanted));
}

function uniqueOf(values: readonly Value[], by: (value: Value) => Value = (value) => value): Value[] {
  const seen = new Set<Value>();
  const others: Value[] = [];
  return values.filter((value) => {
    const key = by(value);
    if (isSimple(key)) return seen.size < seen.add(key).size;
    if (others.some((one) => isDeepStrictEqual(one, key))) return false;
    others.push(key);
    return true;
  });
}

const without = (a: readonly Value[], b: readonly Value[]): Value[] => {
  const isInB = memberOf(b);
  return uniqueOf(a).filter((item) => !isInB(item));
};

/** Functions that take lists as sets. */
export const setFunctions: readonly LibraryFunction[] = [
  {
    name: "unique",
    parameters: ["list", "attribute?"],
    summary: "Each item once, in the order of first appearance; of mappings, by one of their keys.",
    example: { expression: "unique([1, 2, 1])", value: [1, 2] },
    call: ([value, path]) =>
      given(
        path,
        (key) => uniqueOf(list("unique", value), (item) => attribute(item, text("unique", key)) ?? null),
        uniqueOf(list("unique", value)),
      ),
  },
  {
    name: "union",
    parameters: ["a", "b"],
    summary: "Items of either list, each once.",
    example: { expression: "union([1, 2], [2, 3])", value: [1, 2, 3] },
    call: ([a, b]) => uniqueOf([...list("union", a), ...list("union", b)]),
  },
  {
    name: "difference",
    parameters: ["a", "b"],
    summary: "Items of the first list that are not in the second, each once.",
    example: { expression: "difference([1, 2], [2])", value: [1] },
    call: ([a, b]) => without(list("difference", a), list("difference", b)),
  },
  {
    name: "intersect",
    parameters: ["a", "b"],
    summary: "Items that are in both lists, each once.",
    example: { expression: "intersect([1, 2], [2, 3])", value: [2] },
    call: ([a, b]) => uniqueOf(list("intersect", a)).filter(memberOf(list("intersect", b))),
  },
  {
    name: "symmetric_difference",
    parameters: ["a", "b"],
    summary: "Items that are in one of two lists and not in the other.",
    example: { expression: "symmetric_difference([1, 2], [2, 3])", value: [1, 3] },
    call: ([a, b]) => {
      const [left, right] = [list("symmetric_difference", a), list("symmetric_difference", b)];
      return [...without(left, right), ...without(right, left)];
    },
  },
  {
    name: "issubset",
    parameters: ["a", "b"],
    summary: "Whether every item of the first list is in the second (Ansible's test `is subset`).",
    example: { expression: "issubset([1], [1, 2])", value: true },
    call: ([a, b]) => list("issubset", a).every(memberOf(list("issubset", b))),
  },
];
