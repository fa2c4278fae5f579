import { TASK_STATUSES, type TaskCounts } from "./event.ts";

/** The counts of a host on which nothing has been done yet: an object of its own each time. */
export function noCounts(): TaskCounts {
  return Object.fromEntries(TASK_STATUSES.map((status) => [status, 0])) as TaskCounts;
}
