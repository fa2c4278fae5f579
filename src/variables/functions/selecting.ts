import { isDeepStrictEqual } from "node:util";
import type { Value } from "../value.ts";
import { attribute } from "./attribute.ts";
import { given, isTruthy, type LibraryFunction, list, text } from "./library-function.ts";
import { testNamed } from "./tests.ts";

/** The items that pass, or do not pass, a test of themselves or of one of their keys. */
function chosen(
  [value, key, test, argument]: readonly (Value | undefined)[],
  { name, keeps }: { name: string; keeps: boolean },
): Value[] {
  const path = given(key, (one) => text(name, one), undefined);
  const passes = test === undefined || test === null ? isTruthy : testNamed(text(name, test));
  return list(name, value).filter(
    (item) => passes(path === undefined ? item : attribute(item, path), argument) === keeps,
  );
}

/** Functions that take items out of lists by a test. */
export const selectingFunctions: readonly LibraryFunction[] = [
  {
    name: "select",
    parameters: ["list", "test?", "argument?"],
    summary: "The items that pass a test: `defined`, `match`, `gt`, `in` …; that are not empty, without one.",
    example: { expression: 'select([1, 5, 9], "gt", 4)', value: [5, 9] },
    call: ([value, test, argument]) =>
      chosen([value, undefined, test, argument], { name: "select", keeps: true }),
  },
  {
    name: "reject",
    parameters: ["list", "test?", "argument?"],
    summary: "The items that do not pass it.",
    example: { expression: 'reject(["a", "b1"], "search", "[0-9]")', value: ["a"] },
    call: ([value, test, argument]) =>
      chosen([value, undefined, test, argument], { name: "reject", keeps: false }),
  },
  {
    name: "selectattr",
    parameters: ["list", "attribute", "test?", "argument?"],
    summary: "The mappings in the list of which one key passes a test (see `select`).",
    example: { expression: 'selectattr([{"n": 1}, {"n": 2}], "n", "eq", 2)', value: [{ n: 2 }] },
    call: (args) => chosen(args, { name: "selectattr", keeps: true }),
  },
  {
    name: "rejectattr",
    parameters: ["list", "attribute", "test?", "argument?"],
    summary: "The mappings of which it does not pass.",
    example: { expression: 'rejectattr([{"n": 1}, {}], "n", "defined")', value: [{}] },
    call: (args) => chosen(args, { name: "rejectattr", keeps: false }),
  },
  {
    name: "select_where",
    parameters: ["list", "key", "wanted"],
    summary: "The mappings in the list whose key has the value.",
    example: { expression: 'select_where([{"n": 1}, {"n": 2}], "n", 2)', value: [{ n: 2 }] },
    call: ([value, key, wanted]) =>
      list("select_where", value).filter((item) =>
        isDeepStrictEqual(attribute(item, text("select_where", key)) ?? null, wanted ?? null),
      ),
  },
  {
    name: "attributes",
    parameters: ["list", "key", "fallback?"],
    aliases: ["map_attribute"],
    summary:
      "Of each mapping in the list, the value of the key (`a.b` for one inside); the fallback, or null, where it has none.",
    example: { expression: 'attributes([{"n": 1}, {"n": 2}], "n")', value: [1, 2] },
    call: ([value, key, fallback]) =>
      list("attributes", value).map((item) => attribute(item, text("attributes", key)) ?? fallback ?? null),
  },
];
