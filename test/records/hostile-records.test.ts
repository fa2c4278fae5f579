import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { noCounts } from "../../src/converge/no-counts.ts";
import { taskHistory } from "../../src/drift/task-history.ts";
import type { PlannedTask } from "../../src/plans/plan.ts";
import { readRecord } from "../../src/records/read-records.ts";
import { resumptionOf } from "../../src/records/resumption.ts";
import { matchesQuery, summaryOf } from "../../src/records/search-records.ts";
import { recordHeadLines, recordTable } from "../../src/views/records.ts";
import { teller } from "../../src/views/teller.ts";

const RUN = "20261125T120000-abcdef";
const time = "2026-11-25T12:00:00Z";
const at = { file: "p.yml", line: 1, column: 1 };
const HEAD = {
  ...{ type: "record", schema: 1, runId: RUN, time, who: "me", controller: "c", pid: 1, command: ["run"] },
  ...{ directory: "/d", checkMode: false, versions: { plumb: "1", node: "24" } },
};
const STARTED = { type: "run-started", time, playbooks: ["/d/site.yml"], checkMode: false };
const FINISHED = {
  ...{
    type: "task-finished",
    time,
    host: "web1",
    status: "changed",
    message: "m",
    differences: [],
    data: null,
  },
  task: { taskId: "t", name: "n", module: "copy", handler: false, at },
};

/** What is not what it should be, at every place of a line. */
const WRONG: readonly unknown[] = [null, 7, "x", [], [null], [7], {}, { toString: 1 }, true];

/** Each line with each of its fields, and those of what is in it, made something else. */
function spoilt(line: Record<string, unknown>): Record<string, unknown>[] {
  return Object.entries(line).flatMap(([name, value]) => {
    const deep =
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? spoilt(value as Record<string, unknown>)
        : [];
    return [...WRONG, ...deep].map((wrong) => ({ ...line, [name]: wrong }));
  });
}

const counts = { ...noCounts(), ok: 1 };
const LINES: readonly Record<string, unknown>[] = [
  STARTED,
  FINISHED,
  { ...FINISHED, status: "failed", diagnostics: [{ severity: "error", code: "c", message: "m", at }] },
  { type: "record-commit", commit: "c", dirty: false },
  { type: "score", right: 1, tested: 1, unknown: 0, notReached: 0, wrong: [] },
  { type: "play-started", time, name: "p", hosts: ["web1"], taskCount: 1 },
  { type: "handlers-started", time, host: "web1", handlers: [], leftOver: ["h"] },
  { type: "host-unreachable", time, host: "web1", code: "unreachable", message: "m", hint: "h" },
  { type: "warning", time, host: "web1", message: "m" },
  { type: "stopping", time, reason: "interrupted" },
  {
    ...{ type: "run-finished", time, outcome: "failed", durationMs: 1 },
    hosts: [{ host: "web1", outcome: "failed", counts, durationMs: 1, pendingHandlers: ["h"] }],
  },
];

/** Reads a record in every way in which records are read. @returns what `plumb history show` tells. */
function readInEveryWay(lines: readonly unknown[]): string {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), "plumb-hostile-")), "runs");
  mkdirSync(folder, { mode: 0o700 });
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  writeFileSync(path.join(folder, `${RUN}.jsonl`), text);
  const paint = (_colour: unknown, words: string): string => words;
  const record = readRecord(folder, RUN);
  taskHistory(folder).since("web1", { title: "n", module: "copy" } as PlannedTask);
  if (record === undefined) return "";
  for (const query of [{}, { host: "web*" }, { task: "n" }, { resource: "m" }, { status: "ok" }])
    matchesQuery(record, query);
  const told = teller({ paint, diff: true, verbosity: 2 });
  const shown = [
    ...recordTable([summaryOf(record)], paint),
    ...recordHeadLines(record, paint),
    ...record.events.flatMap(told),
  ];
  try {
    resumptionOf(folder, ["/d/site.yml"], undefined);
  } catch (error) {
    expect(String(error)).toMatch(/came to its end|no record of a run/);
  }
  return shown.join("\n");
}

test("a record that is as it should be is read", () => {
  const shown = readInEveryWay([HEAD, ...LINES]);
  expect(shown).toContain("web1  changed  n: m");
  expect(shown).toContain("RECAP");
});

test("a line of a record that is not what it should be is left out, and ends no reading of records", () => {
  const lines = LINES.flatMap(spoilt);
  expect(lines.length).toBeGreaterThan(500);
  for (const line of lines) {
    const shown = readInEveryWay([HEAD, FINISHED, line]);
    expect([JSON.stringify(line), shown.includes("web1  changed  n: m")]).toEqual([
      JSON.stringify(line),
      true,
    ]);
  }
  for (const head of spoilt(HEAD)) readInEveryWay([head, FINISHED]);
});
