import { expect, test } from "vitest";
import { forksFor, forksOf, openFilesIn } from "../../src/cli/forks.ts";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";

const GIB = 1024 ** 3;

test.each([
  ["a small controller has as many hosts at work as shake hands", 1, 0.5 * GIB, 1024, 32],
  ["two processors are the same", 2, 24 * GIB, 20_000, 32],
  ["four processors work on twice as many", 4, 8 * GIB, 20_000, 64],
  [
    "a large controller does not load what the hosts share with hundreds of them",
    64,
    256 * GIB,
    1_048_576,
    128,
  ],
  ["what all hosts may print fits into half of the memory", 8, 3 * GIB, 20_000, 96],
  ["with little memory it is as few as with few processors", 16, 0.5 * GIB, 20_000, 32],
  ["a low limit on open files bounds it", 8, 64 * GIB, 256, 64],
  ["and never below what shakes hands at once", 8, 64 * GIB, 64, 32],
  ["a system that tells no limit on open files has none", 8, 64 * GIB, undefined, 128],
] as const)("%s", (_, processors, memoryBytes, openFiles, forks) => {
  expect(forksFor({ processors, memoryBytes, openFiles })).toBe(forks);
});

test("--forks is obeyed, whatever suits the machine", () => {
  expect(forksOf("1")).toBe(1);
  expect(forksOf("500")).toBe(500);
  expect(() => forksOf("0")).toThrow(DiagnosticsError);
  expect(() => forksOf("many")).toThrow(DiagnosticsError);
});

test("without it, it is 32 to 128, of this machine too", () => {
  expect(forksOf(undefined)).toBeGreaterThanOrEqual(32);
  expect(forksOf(undefined)).toBeLessThanOrEqual(128);
});

test("the limit on open files is the one that is in force, not the one up to which it may be raised", () => {
  const limits = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft.padEnd(21)}1048576              files     \n`;
  expect(openFilesIn(limits("1024"))).toBe(1024);
  expect(openFilesIn(limits("unlimited"))).toBeUndefined();
  expect(openFilesIn("")).toBeUndefined();
});
