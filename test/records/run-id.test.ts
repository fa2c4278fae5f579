import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { newRunId } from "../../src/records/run-id.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;
const NOW = Date.UTC(2026, 10, 25, 17, 15, 0);
const emptyFolder = (): string => mkdtempSync(path.join(tmpdir(), "plumb-run-id-"));

test("the names of runs sort by time, also within one second", () => {
  const folder = emptyFolder();
  const names = [0, 1, 2, 10, 100, 999, 1000, 60_000].map((milliseconds) =>
    newRunId(folder, NOW + milliseconds),
  );
  expect(names.toSorted()).toEqual(names);
  expect(names[1]).toMatch(/^20261125T171500001-[0-9a-f]{6}$/);
});

test("they sort in the order of the runs where the clock is set forward, and back again", () => {
  const folder = emptyFolder();
  const names = [NOW, NOW + YEAR_MS, NOW + 1000, NOW - YEAR_MS, NOW + 2000].map((time) => {
    const name = newRunId(folder, time);
    writeFileSync(path.join(folder, `${name}.jsonl`), "");
    return name;
  });
  expect(names.toSorted()).toEqual(names);
});

test("a folder that is not there, or can't be read, makes no difference", () => {
  const file = path.join(emptyFolder(), "file");
  writeFileSync(file, "");
  for (const folder of [file, path.join(file, "below"), "/nonexistent/records"])
    expect(newRunId(folder, NOW)).toMatch(/^20261125T171500000-/);
});
