import { readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";

/** How long and how much is kept. */
export interface RecordLimits {
  days: number;
  megabytes: number;
}

/** `20261125T171119Z` or `20261125T171119`, six hexadecimal digits. */
const RECORD_NAME = /^(\d{8}T\d{6}(?:\d{3})?-[0-9a-f]{6})\.(jsonl|retry|unsent)$/;

/** PLUMB_RUNS_KEEP_DAYS (90) and PLUMB_RUNS_KEEP_MB (200); what is no number above 0 counts as not set. */
export function recordLimits(environment: NodeJS.ProcessEnv = process.env): RecordLimits {
  const number = (name: string, otherwise: number): number => {
    const value = Number(environment[name]);
    return Number.isFinite(value) && value > 0 ? value : otherwise;
  };
  return { days: number("PLUMB_RUNS_KEEP_DAYS", 90), megabytes: number("PLUMB_RUNS_KEEP_MB", 200) };
}

/**
 * Removes the oldest records, and only files that are named as records are. The record of the run that asks stays.
 *
 * @throws Error when the folder can't be read.
 */
export function pruneRecords(folder: string, limits: RecordLimits, keep: string, now = Date.now()): void {
  let room = limits.megabytes * 1024 * 1024;
  const names = readdirSync(folder).filter((name) => RECORD_NAME.test(name));
  const records = names
    .sort()
    .reverse()
    .flatMap((name) => {
      const file = path.join(folder, name);
      const found = statSync(file, { throwIfNoEntry: false });
      if (found === undefined) return [];
      return [{ file, size: found.size, mtimeMs: found.mtimeMs, isOfThisRun: name.startsWith(keep) }];
    });
  // As old as they were when there was a run before this one: a clock that jumps ahead makes none of them old.
  const before = Math.max(...records.flatMap((one) => (one.isOfThisRun ? [] : [one.mtimeMs])));
  const oldest = Math.min(now, before) - limits.days * 24 * 3600 * 1000;
  for (const { file, size, mtimeMs, isOfThisRun } of records) {
    room -= size;
    if (!isOfThisRun && (mtimeMs < oldest || room < 0)) rmSync(file, { force: true });
  }
}
