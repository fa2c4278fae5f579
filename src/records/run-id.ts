import { randomBytes } from "node:crypto";
import { recordedRuns } from "./read-records.ts";
import { recordFolder } from "./record-folder.ts";

const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})?/;

/**
 * A name for a run. It is its time, and never the same twice. Where this machine's clock has been set back since the newest recorded run, the name counts on from that one: names sort in the order of the runs,
 * so that `--resume` and `last` mean the last one. When it really was stands in the record.
 */
export function newRunId(folder = recordFolder(), nowMs = Date.now()): string {
  const newestMs = timeOf(newestIn(folder));
  const time = new Date(Math.max(nowMs, newestMs === undefined ? 0 : newestMs + 1)).toISOString();
  return `${time.replace(/[-:.Z]/g, "")}-${randomBytes(3).toString("hex")}`;
}

/** A folder that can't be read is told of when the run is to be recorded there. */
function newestIn(folder: string): string {
  try {
    return recordedRuns(folder).find((name) => STAMP.test(name)) ?? "";
  } catch {
    return "";
  }
}

function timeOf(name: string): number | undefined {
  const [, year, month, day, hour, minute, second, ms = "000"] = STAMP.exec(name) ?? [];
  if (year === undefined) return undefined;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return Number.isNaN(time) ? undefined : time;
}
