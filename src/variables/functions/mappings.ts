import type { Value } from "../value.ts";
import { attribute } from "./attribute.ts";
import { given, type LibraryFunction, list, map, oneOf, text } from "./library-function.ts";
import { order, withoutCase } from "./order.ts";
import { memberOf } from "./sets.ts";

const LIST_MERGES = ["replace", "keep", "append", "prepend", "append_rp", "prepend_rp"] as const;
type ListMerge = (typeof LIST_MERGES)[number];

interface Merging {
  isRecursive: boolean;
  lists: ListMerge;
}

/** Ansible's `combine`: lists are merged where both have one under the same key, mappings only when asked for. */
function combined(
  a: Record<string, Value>,
  b: Record<string, Value>,
  merging: Merging,
): Record<string, Value> {
  const result: Record<string, Value> = { ...a };
  for (const [key, above] of Object.entries(b)) {
    const below = Object.hasOwn(result, key) ? result[key] : undefined;
    result[key] =
      isMap(below) && isMap(above) && merging.isRecursive
        ? combined(below, above, merging)
        : Array.isArray(below) && Array.isArray(above)
          ? combinedLists(below, above, merging.lists)
          : above;
  }
  return result;
}

const isMap = (value: Value | undefined): value is Record<string, Value> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function combinedLists(below: Value[], above: Value[], how: ListMerge): Value[] {
  switch (how) {
    case "replace":
      return above;
    case "keep":
      return below;
    case "append":
      return [...below, ...above];
    case "prepend":
      return [...above, ...below];
    case "append_rp":
    case "prepend_rp": {
      const isAbove = memberOf(above);
      const rest = below.filter((item) => !isAbove(item));
      return how === "append_rp" ? [...rest, ...above] : [...above, ...rest];
    }
  }
}

/** Functions for mappings. */
export const mappingFunctions: readonly LibraryFunction[] = [
  {
    name: "combine",
    parameters: ["a", "b?", "recursive?", "list_merge?"],
    summary:
      "The keys of both mappings (or of a list of mappings); where both have one, the last wins. `recursive`: mappings inside are combined too. " +
      `\`list_merge\`: ${LIST_MERGES.join(", ")}.`,
    example: {
      expression: 'combine({"a": {"x": 1}, "l": [1]}, {"a": {"y": 2}, "l": [2]}, true, "append")',
      value: { a: { x: 1, y: 2 }, l: [1, 2] },
    },
    call: ([a, b, recursive, lists]) => {
      if (typeof recursive === "object" && recursive !== null)
        throw new Error(
          "combine: a third mapping has no place; more than two are given as a list: combine([a, b, c])",
        );
      const merging: Merging = {
        isRecursive: recursive === true,
        lists: given(lists, (word) => oneOf("combine", text("combine", word), LIST_MERGES), "replace"),
      };
      const all = [a, b].flatMap((one) => (one === undefined || one === null ? [] : one));
      return all
        .map((one) => map("combine", one))
        .reduce((result, one) => combined(result, one, merging), {});
    },
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
    name: "dict2items",
    parameters: ["mapping", "key_name?", "value_name?"],
    aliases: ["items"],
    summary: "A mapping as a list of `{key, value}`, for loops.",
    example: { expression: 'dict2items({"a": 1})', value: [{ key: "a", value: 1 }] },
    call: ([value, keyName, valueName]) => {
      const [key, inner] = [
        given(keyName, (one) => text("dict2items", one), "key"),
        given(valueName, (one) => text("dict2items", one), "value"),
      ];
      return Object.entries(map("dict2items", value)).map(([name, one]) => ({ [key]: name, [inner]: one }));
    },
  },
  {
    name: "items2dict",
    parameters: ["list", "key_name?", "value_name?"],
    aliases: ["from_items"],
    summary: "A list of `{key, value}` as a mapping.",
    example: { expression: 'items2dict([{"key": "a", "value": 1}])', value: { a: 1 } },
    call: ([value, keyName, valueName]) =>
      Object.fromEntries(
        list("items2dict", value).map((item) => {
          const [key, inner] = [keyName, valueName].map((one, index) => {
            const wanted = given(one, (name) => text("items2dict", name), index === 0 ? "key" : "value");
            const found = attribute(item, wanted);
            if (found === undefined) throw new Error(`items2dict: an item has no \`${wanted}\``);
            return found;
          });
          return [text("items2dict", key), inner ?? null];
        }),
      ),
  },
  {
    name: "dictsort",
    parameters: ["mapping", "by?"],
    summary: "A mapping as a list of pairs, in the order of its keys, or of its values (`by`: key, value).",
    example: {
      expression: 'dictsort({"b": 1, "a": 2})',
      value: [
        ["a", 2],
        ["b", 1],
      ],
    },
    call: ([value, by]) => {
      const index =
        given(by, (one) => oneOf("dictsort", text("dictsort", one), ["key", "value"]), "key") === "key"
          ? 0
          : 1;
      return Object.entries(map("dictsort", value)).sort((a, b) =>
        order("dictsort", withoutCase(a[index] ?? null), withoutCase(b[index] ?? null)),
      );
    },
  },
  {
    name: "dict",
    parameters: ["pairs"],
    summary: "A list of pairs as a mapping.",
    example: { expression: 'dict([["a", 1]])', value: { a: 1 } },
    call: ([value]) =>
      Object.fromEntries(
        list("dict", value).map((pair) => {
          const [key, one] = list("dict", pair);
          return [text("dict", key), one ?? null];
        }),
      ),
  },
  {
    name: "extract",
    parameters: ["key", "container", "path?"],
    summary:
      "What stands in a list or mapping under a key, and inside of that under the keys of a path (`a.b`).",
    example: { expression: 'extract("web1", {"web1": {"port": 80}}, "port")', value: 80 },
    call: ([key, container, path]) => {
      const outer = attribute(container, text("extract", key));
      const found = given(path, (inner) => attribute(outer, text("extract", inner)), outer);
      if (found === undefined) throw new Error(`extract: there is no \`${text("extract", key)}\``);
      return found;
    },
  },
];
