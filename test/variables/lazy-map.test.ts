import { expect, test } from "vitest";
import { toCel } from "../../src/variables/cel-values.ts";
import { lazyMap } from "../../src/variables/lazy-map.ts";

test("a lazy mapping is like another, and makes only what is looked at, as CEL's too", () => {
  const made: string[] = [];
  const map = lazyMap({
    names: () => ["a", "b"],
    has: (name) => name === "a" || name === "b",
    get: (name) => {
      made.push(name);
      return { number: 1 };
    },
  });
  expect(Object.keys(map)).toEqual(["a", "b"]);
  expect("a" in map && !("c" in map) && Object.hasOwn(map, "b")).toBe(true);
  expect(map["c"]).toBeUndefined();
  const cel = toCel(map) as Record<string, unknown>;
  expect(Object.keys(cel)).toEqual(["a", "b"]);
  expect(made).toEqual([]);
  expect(cel["a"]).toEqual({ number: 1n });
  expect(made).toEqual(["a"]);
  expect(Object.fromEntries(Object.entries(map))).toEqual({ a: { number: 1 }, b: { number: 1 } });
  expect(() => Object.assign(map, { a: 1 })).toThrow(TypeError);
});
