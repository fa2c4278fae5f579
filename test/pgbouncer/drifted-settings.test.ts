import { expect, test } from "vitest";
import { driftedSettings } from "../../src/pgbouncer/drifted-settings.ts";

test.each([
  ["a number is a number, however it is written", "15", "15.0", []],
  ["a list may have blanks", "a, b", "a,b", []],
  ["0777 is octal, and PgBouncer shows 511", "0777", "511", []],
  ["010 is eight, as C reads it", "010", "10", ["setting"]],
  ["another value is drift", "60", "77", ["setting"]],
])("%s", (_what, file, running, drifted) => {
  expect(driftedSettings(new Map([["setting", file]]), new Map([["setting", running]]))).toEqual(drifted);
});

test("a setting that the process does not show is none that drifts", () => {
  expect(driftedSettings(new Map([["setting", "1"]]), new Map())).toEqual([]);
});
