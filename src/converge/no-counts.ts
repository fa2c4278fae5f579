import type { TaskCounts } from "./event.ts";

/** The counts of a host on which nothing has been done yet: an object of its own each time. */
export function noCounts(): TaskCounts {
  return {
    ok: 0,
    changed: 0,
    "would-change": 0,
    unknown: 0,
    failed: 0,
    ignored: 0,
    rescued: 0,
    skipped: 0,
  };
}
