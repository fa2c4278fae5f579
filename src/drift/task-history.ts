import type { PlannedTask } from "../plans/plan.ts";
import { readRecord, recordedRuns } from "../records/read-records.ts";

/** Between which runs something went out of true. */
export interface Since {
  /** When a run, or a check, last saw it as wanted, or made it so. Absent: no record knows. */
  lastTrue?: string;
  /** When a check first saw it out of true after that; absent when this one is the first. */
  firstSeen?: string;
}

/** What records say of tasks. */
export interface TaskHistory {
  since(host: string, task: PlannedTask): Since;
}

/**
 * Reads records, the newest first, as far back as it takes for the tasks that are asked for, and each once.
 *
 * Tasks are known again by host, title and module: their lines move when a playbook is edited.
 */
export function taskHistory(folder: string): TaskHistory {
  const unread = recordedRuns(folder);
  /** The states of a task, the newest first. */
  const states = new Map<string, { time: string; isTrue: boolean }[]>();
  const readOne = (run: string): void => {
    for (const event of (readRecord(folder, run)?.events ?? []).toReversed()) {
      if (event.type !== "task-finished") continue;
      const isTrue = event.status === "ok" || event.status === "changed";
      if (!isTrue && event.status !== "would-change") continue;
      const { role, name, module, item } = event.task;
      const title = `${role === undefined ? "" : `${role} : `}${name}${item === undefined ? "" : ` => ${item.label}`}`;
      const key = keyOf(event.host, title, module);
      states.set(key, [...(states.get(key) ?? []), { time: event.time, isTrue }]);
    }
  };
  return {
    since: (host, { title, module }) => {
      const key = keyOf(host, title, module);
      const lastTrue = (): number => (states.get(key) ?? []).findIndex(({ isTrue }) => isTrue);
      while (lastTrue() === -1) {
        const run = unread.shift();
        if (run === undefined) break;
        readOne(run);
      }
      const known = states.get(key) ?? [];
      const index = lastTrue();
      const first = known[(index === -1 ? known.length : index) - 1];
      const last = known[index];
      return {
        ...(last === undefined ? {} : { lastTrue: last.time }),
        ...(first === undefined ? {} : { firstSeen: first.time }),
      };
    },
  };
}

function keyOf(host: string, title: string, module: string): string {
  return `${host}\0${title}\0${module}`;
}
