import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Event, RunFinished } from "../converge/event.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import type { RecordCommit, RecordHead, RecordLine, RecordScore } from "./record-head.ts";
import { isRecordLine } from "./record-lines.ts";

/** A record as it was read. Of a run that was killed the end is missing, and perhaps half of its last line. */
export interface ReadRecord {
  file: string;
  head: RecordHead;
  commit: RecordCommit | undefined;
  events: readonly Event[];
  finished: RunFinished | undefined;
  /** Of a run that did what a plan said. */
  score: RecordScore | undefined;
}

/** Names of the runs of which there are records, the newest first. None where no run has been recorded. */
export function recordedRuns(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => name.slice(0, -".jsonl".length))
    .sort()
    .reverse();
}

/** @returns undefined for a file that is no record. */
export function readRecord(folder: string, runId: string): ReadRecord | undefined {
  const file = path.join(folder, `${runId}.jsonl`);
  return recordFrom(file, readFileSync(file, "utf8").split("\n"));
}

/**
 * A record from its lines.
 *
 * @param file what is called its place.
 * @returns undefined for what is no record.
 */
export function recordFrom(file: string, texts: readonly string[]): ReadRecord | undefined {
  const [head, ...rest] = texts.flatMap(parsed);
  if (head === undefined || head.type !== "record") return undefined;
  const events: Event[] = [];
  let commit: RecordCommit | undefined;
  let score: RecordScore | undefined;
  for (const line of rest) {
    if (line.type === "record-commit") commit = line;
    else if (line.type === "score") score = line;
    else if (line.type !== "record") events.push(line);
  }
  const finished = events.findLast((event) => event.type === "run-finished");
  return { file, head, commit, events, finished, score };
}

type Line = RecordHead | RecordLine | Event;

function parsed(line: string): Line[] {
  try {
    const value: unknown = JSON.parse(line);
    return isRecordLine(value) ? [value] : [];
  } catch {
    // The last line of a run that was killed while it was written; the empty one behind the last newline.
    return [];
  }
}

/**
 * The run that a person means: `last`, its whole name, or the beginning of it.
 *
 * @throws DiagnosticsError no-such-run
 */
export function findRun(folder: string, asked: string): string {
  return findAmong(recordedRuns(folder), folder, asked);
}

/**
 * The same among runs that are known, the newest first.
 *
 * @param place where they are, for people.
 * @throws DiagnosticsError no-such-run
 */
export function findAmong(runs: readonly string[], place: string, asked: string): string {
  const found = asked === "last" ? runs.slice(0, 1) : runs.filter((run) => run.startsWith(asked));
  const [only] = found.includes(asked) ? [asked] : found;
  if (only !== undefined && (found.length === 1 || only === asked)) return only;
  throw inputError(
    "no-such-run",
    found.length === 0
      ? `there is no record of a run ${asked} in ${place}`
      : `${asked} may be several runs: ${found.slice(0, 5).join(", ")}`,
    { hint: "plumb history lists them" },
  );
}
