import { isDeepStrictEqual } from "node:util";
import type { Value } from "../value.ts";
import { type LibraryFunction, list, map, text } from "./library-function.ts";

const same = (a: Value, b: Value): boolean => isDeepStrictEqual(a, b);
const includes = (values: readonly Value[], wanted: Value): boolean =>
  values.some((value) => same(value, wanted));
const uniqueOf = (values: readonly Value[]): Value[] =>
  values.filter((value, index) => values.findIndex((other) => same(other, value)) === index);
const keyOf = (item: Value, name: string): Value =>
  typeof item === "object" && item !== null && !Array.isArray(item) ? (item[name] ?? null) : null;

const flattened = (items: readonly Value[]): Value[] =>
  items.flatMap((item) => (Array.isArray(item) ? flattened(item) : [item]));

/** Functions for lists and mappings. */
export const collectionFunctions: readonly LibraryFunction[] = [
  {
    name: "default",
    parameters: ["value", "fallback"],
    summary: "The value, or the fallback when it is undefined, null or missing.",
    example: { expression: 'default(null, "x")', value: "x" },
    call: ([value, fallback]) => value ?? fallback ?? null,
  },
  {
    name: "defined",
    parameters: ["value"],
    summary: "Whether a variable or key is there and not null.",
    example: { expression: "defined(1)", value: true },
    call: ([value]) => value !== null && value !== undefined,
  },
  {
    name: "length",
    parameters: ["value"],
    summary: "How many characters, items or keys.",
    example: { expression: "length([1, 2, 3])", value: 3 },
    call: ([value]) => {
      if (typeof value === "string") return [...value].length;
      return Array.isArray(value) ? value.length : Object.keys(map("length", value)).length;
    },
  },
  {
    name: "first",
    parameters: ["list"],
    summary: "The first item; null of an empty list.",
    example: { expression: "first([1, 2])", value: 1 },
    call: ([value]) => list("first", value)[0] ?? null,
  },
  {
    name: "last",
    parameters: ["list"],
    summary: "The last item; null of an empty list.",
    example: { expression: "last([1, 2])", value: 2 },
    call: ([value]) => list("last", value).at(-1) ?? null,
  },
  {
    name: "contains",
    parameters: ["collection", "wanted"],
    summary: "Whether a list has the item, a mapping the key, a text the part.",
    example: { expression: "contains([1, 2], 2)", value: true },
    call: ([value, wanted]) => {
      if (typeof value === "string") return value.includes(text("contains", wanted));
      if (Array.isArray(value)) return includes(value, wanted ?? null);
      return Object.hasOwn(map("contains", value), text("contains", wanted));
    },
  },
  {
    name: "unique",
    parameters: ["list"],
    summary: "Each item once, in the order of first appearance.",
    example: { expression: "unique([1, 2, 1])", value: [1, 2] },
    call: ([value]) => uniqueOf(list("unique", value)),
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
    summary: "Items of the first list that are not in the second.",
    example: { expression: "difference([1, 2], [2])", value: [1] },
    call: ([a, b]) => list("difference", a).filter((item) => !includes(list("difference", b), item)),
  },
  {
    name: "intersect",
    parameters: ["a", "b"],
    summary: "Items that are in both lists.",
    example: { expression: "intersect([1, 2], [2, 3])", value: [2] },
    call: ([a, b]) => list("intersect", a).filter((item) => includes(list("intersect", b), item)),
  },
  {
    name: "flatten",
    parameters: ["list"],
    summary: "Lists in the list replaced by their items, at every depth.",
    example: { expression: "flatten([1, [2, [3]]])", value: [1, 2, 3] },
    call: ([value]) => flattened(list("flatten", value)),
  },
  {
    name: "sort",
    parameters: ["list"],
    summary: "The items in order: numbers by size, text by code point.",
    example: { expression: 'sort(["b", "a"])', value: ["a", "b"] },
    call: ([value]) =>
      [...list("sort", value)].sort((a, b) => {
        if (typeof a === "number" && typeof b === "number") return a - b;
        const [left, right] = [text("sort", a), text("sort", b)];
        return left < right ? -1 : left > right ? 1 : 0;
      }),
  },
  {
    name: "reverse",
    parameters: ["list"],
    summary: "The items in the opposite order.",
    example: { expression: "reverse([1, 2])", value: [2, 1] },
    call: ([value]) => [...list("reverse", value)].reverse(),
  },
  {
    name: "attributes",
    parameters: ["list", "key"],
    summary: "Of each mapping in the list, the value of the key.",
    example: { expression: 'attributes([{"n": 1}, {"n": 2}], "n")', value: [1, 2] },
    call: ([value, key]) => list("attributes", value).map((item) => keyOf(item, text("attributes", key))),
  },
  {
    name: "select_where",
    parameters: ["list", "key", "wanted"],
    summary: "The mappings in the list whose key has the value.",
    example: { expression: 'select_where([{"n": 1}, {"n": 2}], "n", 2)', value: [{ n: 2 }] },
    call: ([value, key, wanted]) =>
      list("select_where", value).filter((item) =>
        same(keyOf(item, text("select_where", key)), wanted ?? null),
      ),
  },
  {
    name: "combine",
    parameters: ["a", "b"],
    summary: "The keys of both mappings; where both have one, the second wins.",
    example: { expression: 'combine({"a": 1}, {"b": 2})', value: { a: 1, b: 2 } },
    call: ([a, b]) => ({ ...map("combine", a), ...map("combine", b) }),
  },
  {
    name: "keys",
    parameters: ["mapping"],
    summary: "The keys of a mapping.",
    example: { expression: 'keys({"a": 1})', value: ["a"] },
    call: ([value]) => Object.keys(map("keys", value)),
  },
  {
    name: "values",
    parameters: ["mapping"],
    summary: "The values of a mapping.",
    example: { expression: 'values({"a": 1})', value: [1] },
    call: ([value]) => Object.values(map("values", value)),
  },
  {
    name: "items",
    parameters: ["mapping"],
    summary: "A mapping as a list of `{key, value}`, for loops.",
    example: { expression: 'items({"a": 1})', value: [{ key: "a", value: 1 }] },
    call: ([value]) => Object.entries(map("items", value)).map(([key, one]) => ({ key, value: one })),
  },
  {
    name: "from_items",
    parameters: ["list"],
    summary: "A list of `{key, value}` as a mapping.",
    example: { expression: 'from_items([{"key": "a", "value": 1}])', value: { a: 1 } },
    call: ([value]) =>
      Object.fromEntries(
        list("from_items", value).map((item) => [
          text("from_items", keyOf(item, "key")),
          keyOf(item, "value"),
        ]),
      ),
  },
  {
    name: "ternary",
    parameters: ["condition", "yes", "no"],
    summary: "The second argument where the condition is true, otherwise the third.",
    example: { expression: "ternary(true, 1, 2)", value: 1 },
    call: ([condition, yes, no]) => (condition === true ? yes : no) ?? null,
  },
];
