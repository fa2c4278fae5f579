import type { Value } from "../value.ts";
import { attribute } from "./attribute.ts";
import { given, isTruthy, type LibraryFunction, list, map, number, text, whole } from "./library-function.ts";
import { order, withoutCase } from "./order.ts";
import { memberOf } from "./sets.ts";

/** More items than this come of a slip, not of a wish. */
const MOST_ITEMS = 1_000_000;

function flattened(items: readonly Value[], levels: number): Value[] {
  return items.flatMap((item) => (Array.isArray(item) && levels > 0 ? flattened(item, levels - 1) : [item]));
}

function product(lists: readonly (readonly Value[])[]): Value[][] {
  if (lists.reduce((size, one) => size * one.length, 1) > MOST_ITEMS)
    throw new Error(`product: gives more than ${MOST_ITEMS} combinations`);
  return lists.reduce<Value[][]>(
    (rows, items) => rows.flatMap((row) => items.map((item) => [...row, item])),
    [[]],
  );
}

function sorted(
  items: readonly Value[],
  {
    path,
    isReversed,
    isCaseSensitive,
  }: { path: string | undefined; isReversed: boolean; isCaseSensitive: boolean },
): Value[] {
  const keyed = items.map((item) => {
    const key = path === undefined ? item : attribute(item, path);
    if (key === undefined) throw new Error(`sort: an item has no \`${path}\``);
    return { item, key: isCaseSensitive ? key : withoutCase(key) };
  });
  const sign = isReversed ? -1 : 1;
  return keyed.sort((a, b) => sign * order("sort", a.key, b.key)).map(({ item }) => item);
}

const given2 = (lists: readonly (Value | undefined)[]): Value[] =>
  lists.filter((one) => one !== undefined && one !== null);

/** Functions for lists. */
export const listFunctions: readonly LibraryFunction[] = [
  {
    name: "length",
    parameters: ["value"],
    aliases: ["count"],
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
    name: "slice",
    parameters: ["value", "start", "end?"],
    summary: "Part of a list or a text, from one place to before another, as Python's `value[start:end]`.",
    example: { expression: "slice([1, 2, 3, 4], 1, -1)", value: [2, 3] },
    call: ([value, start, end]) => {
      const from = number("slice", start);
      const to = given(end, (one) => number("slice", one), undefined);
      return typeof value === "string"
        ? [...value].slice(from, to).join("")
        : list("slice", value).slice(from, to);
    },
  },
  {
    name: "batch",
    parameters: ["list", "size"],
    summary: "The list in lists of so many items.",
    example: { expression: "batch([1, 2, 3], 2)", value: [[1, 2], [3]] },
    call: ([value, written]) => {
      const size = whole("batch", written, 1, MOST_ITEMS);
      const items = list("batch", value);
      return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
        items.slice(index * size, (index + 1) * size),
      );
    },
  },
  {
    name: "range",
    parameters: ["start", "end?", "step?"],
    summary: "Whole numbers from one to before another; from 0 where only the end is given.",
    example: { expression: "range(1, 4)", value: [1, 2, 3] },
    call: ([a, b, by]) => {
      const [start, end] =
        b === undefined || b === null ? [0, number("range", a)] : [number("range", a), number("range", b)];
      const step = given(by, (one) => number("range", one), 1);
      const count = step === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.ceil((end - start) / step));
      if (count > MOST_ITEMS) throw new Error(`range: gives more than ${MOST_ITEMS} numbers`);
      return Array.from({ length: count }, (_, index) => start + index * step);
    },
  },
  {
    name: "contains",
    parameters: ["collection", "wanted"],
    summary: "Whether a list has the item, a mapping the key, a text the part.",
    example: { expression: "contains([1, 2], 2)", value: true },
    call: ([value, wanted]) => {
      if (typeof value === "string") return value.includes(text("contains", wanted));
      if (Array.isArray(value)) return memberOf(value)(wanted ?? null);
      return Object.hasOwn(map("contains", value), text("contains", wanted));
    },
  },
  {
    name: "flatten",
    parameters: ["list", "levels?", "skip_nulls?"],
    summary:
      "Lists in the list replaced by their items, at every depth or so many; nulls are left out unless told not to.",
    example: { expression: "flatten([1, [2, [3]]])", value: [1, 2, 3] },
    call: ([value, levels, skipNulls]) => {
      const items = flattened(
        list("flatten", value),
        given(levels, (one) => number("flatten", one), 1_000),
      );
      return skipNulls === false ? items : items.filter((item) => item !== null);
    },
  },
  {
    name: "sort",
    parameters: ["list", "attribute?", "reverse?", "case_sensitive?"],
    summary:
      "The items in order, by one of their keys if one is given: numbers by size, text by letters without regard to case.",
    example: { expression: 'sort(["b", "C", "a"])', value: ["a", "b", "C"] },
    call: ([value, path, reverse, sensitive]) =>
      sorted(list("sort", value), {
        path: given(path, (one) => text("sort", one), undefined),
        isReversed: reverse === true,
        isCaseSensitive: sensitive === true,
      }),
  },
  {
    name: "reverse",
    parameters: ["value"],
    summary: "The items of a list, or the characters of a text, in the opposite order.",
    example: { expression: "reverse([1, 2])", value: [2, 1] },
    call: ([value]) =>
      typeof value === "string" ? [...value].reverse().join("") : [...list("reverse", value)].reverse(),
  },
  {
    name: "zip",
    parameters: ["a", "b", "c?"],
    summary: "Lists of the first items, of the second items, and so on, as far as the shortest list goes.",
    example: {
      expression: 'zip([1, 2], ["a", "b"])',
      value: [
        [1, "a"],
        [2, "b"],
      ],
    },
    call: (args) => {
      const lists = given2(args).map((one) => list("zip", one));
      const shortest = Math.min(...lists.map((one) => one.length));
      return Array.from({ length: shortest }, (_, index) => lists.map((one) => one[index] ?? null));
    },
  },
  {
    name: "zip_longest",
    parameters: ["a", "b", "fill?"],
    summary:
      "The same as far as the longest list goes, with something in place of what the other does not have.",
    example: {
      expression: 'zip_longest([1, 2], ["a"], 0)',
      value: [
        [1, "a"],
        [2, 0],
      ],
    },
    call: ([a, b, fill]) => {
      const [left, right] = [list("zip_longest", a), list("zip_longest", b)];
      return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => [
        index < left.length ? (left[index] ?? null) : (fill ?? null),
        index < right.length ? (right[index] ?? null) : (fill ?? null),
      ]);
    },
  },
  {
    name: "product",
    parameters: ["a", "b", "c?"],
    summary: "Every combination of an item of each list.",
    example: {
      expression: 'product([1, 2], ["a"])',
      value: [
        [1, "a"],
        [2, "a"],
      ],
    },
    call: (args) => product(given2(args).map((one) => list("product", one))),
  },
  {
    name: "combinations",
    parameters: ["list", "size"],
    summary: "Every choice of so many items, in the order of the list.",
    example: {
      expression: "combinations([1, 2, 3], 2)",
      value: [
        [1, 2],
        [1, 3],
        [2, 3],
      ],
    },
    call: ([value, size]) => {
      const chosen: Value[][] = [];
      const items = list("combinations", value);
      const wanted = whole("combinations", size, 0, 100);
      const choose = (from: number, picked: Value[]): void => {
        if (picked.length === wanted) {
          if (chosen.push(picked) > MOST_ITEMS)
            throw new Error(`combinations: there are more than ${MOST_ITEMS}`);
          return;
        }
        for (let index = from; index <= items.length - (wanted - picked.length); index++)
          choose(index + 1, [...picked, items[index] ?? null]);
      };
      choose(0, []);
      return chosen;
    },
  },
  {
    name: "groupby",
    parameters: ["list", "attribute"],
    summary:
      "The mappings in the list by the value of a key, as a list of `{grouper, list}` in the order of the values.",
    example: {
      expression: 'groupby([{"n": 2}, {"n": 1}], "n")',
      value: [
        { grouper: 1, list: [{ n: 1 }] },
        { grouper: 2, list: [{ n: 2 }] },
      ],
    },
    call: ([value, key]) => {
      const path = text("groupby", key);
      const groups: { grouper: Value; list: Value[] }[] = [];
      for (const item of sorted(list("groupby", value), {
        path,
        isReversed: false,
        isCaseSensitive: false,
      })) {
        const grouper = attribute(item, path) ?? null;
        const before = groups.at(-1);
        const isSame =
          before !== undefined && order("groupby", withoutCase(before.grouper), withoutCase(grouper)) === 0;
        if (isSame) before.list.push(item);
        else groups.push({ grouper, list: [item] });
      }
      return groups as unknown as Value;
    },
  },
  {
    name: "subelements",
    parameters: ["list", "key"],
    summary: "A pair for each item of a list inside each mapping: the mapping, and the item.",
    example: {
      expression: 'subelements([{"name": "a", "keys": [1, 2]}], "keys")',
      value: [
        [{ name: "a", keys: [1, 2] }, 1],
        [{ name: "a", keys: [1, 2] }, 2],
      ],
    },
    call: ([value, key]) => {
      const items = Array.isArray(value) ? value : Object.values(map("subelements", value));
      return items.flatMap((item) => {
        const inner = attribute(item, text("subelements", key));
        if (inner === undefined)
          throw new Error(`subelements: an item has no \`${text("subelements", key)}\``);
        return list("subelements", inner).map((one) => [item, one]);
      });
    },
  },
  {
    name: "any",
    parameters: ["list"],
    summary: "Whether something in the list is true.",
    example: { expression: "any([false, true])", value: true },
    call: ([value]) => list("any", value).some(isTruthy),
  },
  {
    name: "all",
    parameters: ["list"],
    summary: "Whether everything in the list is true.",
    example: { expression: "all([false, true])", value: false },
    call: ([value]) => list("all", value).every(isTruthy),
  },
];
