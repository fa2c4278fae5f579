import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { pruneRecords, recordLimits } from "../../src/records/prune-records.ts";
import { findRun, readRecord } from "../../src/records/read-records.ts";
import { maskedCommand, recordHead } from "../../src/records/record-head.ts";
import { openRunRecord } from "../../src/records/run-record.ts";
import { matchesQuery, timeOf } from "../../src/records/search-records.ts";

const folderFor = (): string => path.join(mkdtempSync(path.join(tmpdir(), "plumb-record-")), "runs");
const head = (runId = "20261125T120000-abcdef") => ({
  ...recordHead({ runId, checkMode: false, version: "1", secrets: new Secrets() }),
});
const notCalled = (reason: string): void => {
  throw new Error(reason);
};

test("of variables on the command line only the names are kept, and files", () => {
  const secrets = new Secrets();
  secrets.add("known-secret");
  expect(
    maskedCommand(
      [
        "run",
        "-e",
        "a=1",
        "--extra-vars=b=2",
        "-ec=3",
        "-e",
        '{"d": 4}',
        "-e",
        "@vars.yml",
        "--limit",
        "known-secret",
      ],
      secrets,
    ),
  ).toEqual([
    "run",
    "-e",
    "a=********",
    "--extra-vars=b=********",
    "-ec=********",
    "-e",
    "********",
    "-e",
    "@vars.yml",
    "--limit",
    "********",
  ]);
});

test("a record is private, its folder is no part of the repository, and is read back as it was written", () => {
  const folder = folderFor();
  const record = openRunRecord(folder, head(), notCalled);
  record.write({ type: "warning", time: "t", message: "hm" });
  record.add({ type: "record-commit", commit: "abc", dirty: true });
  record.close();
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readFileSync(path.join(folder, ".gitignore"), "utf8")).toBe("*\n");
  const read = readRecord(folder, "20261125T120000-abcdef");
  expect(read?.events).toEqual([{ type: "warning", time: "t", message: "hm" }]);
  expect(read?.commit?.dirty).toBe(true);
  expect(read?.finished).toBeUndefined();
});

test("half a line at the end of a record is left out", () => {
  const folder = folderFor();
  openRunRecord(folder, head(), notCalled).close();
  writeFileSync(path.join(folder, "20261125T120000-abcdef.jsonl"), '{"type":"warning","mess', { flag: "a" });
  expect(readRecord(folder, "20261125T120000-abcdef")?.events).toEqual([]);
});

test("a folder that is a link, or open to others, is refused", () => {
  const folder = folderFor();
  openRunRecord(folder, head(), notCalled).close();
  const link = `${folder}-link`;
  symlinkSync(folder, link);
  expect(() => openRunRecord(link, head("20261125T120001-abcdef"), notCalled)).toThrow("no folder");
  expect(() => openRunRecord(folder, head(), notCalled)).toThrow("EEXIST");
  const next = head("20261125T120002-abcdef");
  for (const mode of [0o701, 0o750]) {
    chmodSync(folder, mode);
    expect(() => openRunRecord(folder, next, notCalled)).toThrow("is open to other users");
  }
  chmodSync(folder, 0o700);
  chownSync(folder, 12345, 12345);
  expect(() => openRunRecord(folder, next, notCalled)).toThrow("belongs to another user");
  chownSync(folder, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  openRunRecord(folder, next, notCalled).close();
});

test("old records go, then the oldest until the rest fits, never the run that asks or another's file", () => {
  const folder = folderFor();
  const names = [
    "20260101T000000-000001",
    "20261101T000000-000002",
    "20261102T000000-000003",
    "20261103T000000-000004",
  ];
  for (const name of names) {
    openRunRecord(folder, head(name), notCalled).close();
    writeFileSync(path.join(folder, `${name}.jsonl`), "x".repeat(1024 * 1024));
  }
  writeFileSync(path.join(folder, "notes.txt"), "mine");
  const now = Date.parse("2026-11-04T00:00:00Z");
  for (const name of names.slice(1)) utimesSync(path.join(folder, `${name}.jsonl`), now / 1000, now / 1000);
  utimesSync(path.join(folder, `${names[0]}.jsonl`), 0, 0);
  const left = (): string[] => readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  pruneRecords(folder, { days: 90, megabytes: 200 }, names[3] ?? "", now);
  expect(left()).toEqual(names.slice(1).map((name) => `${name}.jsonl`));
  pruneRecords(folder, { days: 90, megabytes: 2 }, names[3] ?? "", now);
  expect(left()).toEqual(names.slice(2).map((name) => `${name}.jsonl`));
  pruneRecords(folder, { days: 90, megabytes: 0.5 }, names[3] ?? "", now);
  expect(left()).toEqual([`${names[3]}.jsonl`]);
  expect(readdirSync(folder)).toContain("notes.txt");
});

test("a clock that jumps ahead takes no records along, and neither does one that is set back", () => {
  const folder = folderFor();
  const names = ["20261101T000000-000001", "20261102T000000-000002", "20271103T000000-000003"];
  for (const name of names) openRunRecord(folder, head(name), notCalled).close();
  const at = Date.parse("2026-11-02T00:00:00Z");
  for (const name of names.slice(0, 2)) utimesSync(path.join(folder, `${name}.jsonl`), at / 1000, at / 1000);
  const year = 365 * 24 * 3600 * 1000;
  for (const now of [at + year, at - year]) {
    utimesSync(path.join(folder, `${names[2]}.jsonl`), now / 1000, now / 1000);
    pruneRecords(folder, { days: 90, megabytes: 200 }, names[2] ?? "", now);
    expect(readdirSync(folder).filter((name) => name.endsWith(".jsonl"))).toHaveLength(3);
  }
});

test("limits come from the environment, and what is no number counts as not set", () => {
  expect(recordLimits({})).toEqual({ days: 90, megabytes: 200 });
  expect(recordLimits({ PLUMB_RUNS_KEEP_DAYS: "7", PLUMB_RUNS_KEEP_MB: "many" })).toEqual({
    days: 7,
    megabytes: 200,
  });
});

test("a run is found by the beginning of its name, and a beginning that several share is an error", () => {
  const folder = folderFor();
  for (const name of ["20261125T120000-abcdef", "20261126T120000-abcdef"])
    openRunRecord(folder, head(name), notCalled).close();
  expect(findRun(folder, "20261126")).toBe("20261126T120000-abcdef");
  expect(findRun(folder, "last")).toBe("20261126T120000-abcdef");
  expect(() => findRun(folder, "2026")).toThrow("several");
  expect(() => findRun(folder, "1999")).toThrow("no record");
});

test.each([
  ["90m", 90 * 60_000],
  ["7d", 7 * 86_400_000],
])("%s is so long ago", (text, ago) => {
  expect(timeOf(text, 1e12)).toBe(1e12 - ago);
});

test("a word is no time", () => {
  expect(timeOf("yesterday", 0)).toBeUndefined();
  expect(timeOf("2026-99-99", 0)).toBeUndefined();
});

test.each([
  ["changed", undefined, true],
  ["would-change", undefined, true],
  ["failed", undefined, true],
  ["ok", undefined, false],
  ["ok", "ok", true],
  ["ok", "changed", false],
])("a resource that is %s is looked for with the status %s: %s", (status, asked, isFound) => {
  const event = {
    type: "task-finished",
    host: "one",
    task: { name: "t", module: "copy" },
    status,
    message: "/etc/x is as wanted",
    differences: [],
  };
  const record = {
    file: "x",
    head: head(),
    commit: undefined,
    events: [event] as never,
    finished: undefined,
    score: undefined,
  };
  const query = { resource: "/etc/x", ...(asked === undefined ? {} : { status: asked }) };
  expect(matchesQuery(record, query)).toBe(isFound);
});
