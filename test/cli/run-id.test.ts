import { afterEach, expect, test, vi } from "vitest";
import { newRunId } from "../../src/cli/playbook-run.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("the names of runs sort by time, also within one second", () => {
  vi.useFakeTimers();
  const names = [0, 1, 2, 10, 100, 999, 1000, 60_000].map((milliseconds) => {
    vi.setSystemTime(Date.UTC(2026, 10, 25, 17, 15, 0) + milliseconds);
    return newRunId();
  });
  expect(names.toSorted()).toEqual(names);
  expect(names[1]).toMatch(/^20261125T171500001-[0-9a-f]{6}$/);
});
