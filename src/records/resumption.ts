import path from "node:path";
import type { Event, TaskReference } from "../converge/event.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import { findRun, type ReadRecord, readRecord, recordedRuns } from "./read-records.ts";

/** What a run that did not come to its end has left to do. */
export interface Resumption {
  runId: string;
  /** Hosts that were not done. */
  hosts: readonly string[];
  /** Whether a task has been run to its end on a host; told by what stands for it in events. */
  isDone(host: string, task: TaskReference): boolean;
}

/**
 * Looks up what a run has left to do.
 *
 * @param asked the name of a run, or its beginning; without it the last one of these playbooks, checks left out.
 * @throws DiagnosticsError no-such-run, invalid-option when it came to its end
 */
export function resumptionOf(
  folder: string,
  playbooks: readonly string[],
  asked: string | undefined,
): Resumption {
  const record = asked === undefined ? lastOf(folder, playbooks) : readRecord(folder, findRun(folder, asked));
  if (record === undefined)
    throw inputError("no-such-run", `there is no record of a run of ${playbooks.join(", ")} in ${folder}`, {
      hint: "plumb history lists the runs",
    });
  const hosts = hostsLeft(record);
  if (hosts.length === 0)
    throw inputError(
      "invalid-option",
      `--resume: the run ${record.head.runId} came to its end on every host`,
      {
        hint: "run it without --resume",
      },
    );
  const done = new Set(record.events.flatMap(doneBy));
  return {
    runId: record.head.runId,
    hosts,
    isDone: (host, task) => done.has(keyOf(host, task)),
  };
}

function lastOf(folder: string, playbooks: readonly string[]): ReadRecord | undefined {
  const wanted = playbooks.map((file) => path.resolve(file)).join("\n");
  for (const run of recordedRuns(folder)) {
    const record = readRecord(folder, run);
    const started = record?.events.find((event) => event.type === "run-started");
    if (record === undefined || started === undefined || started.checkMode) continue;
    if (started.playbooks.map((file) => path.resolve(record.head.directory, file)).join("\n") === wanted)
      return record;
  }
  return undefined;
}

/** A run that was killed says nothing of how far its hosts have come: then each of them is looked at. */
function hostsLeft({ events, finished }: ReadRecord): string[] {
  if (finished !== undefined)
    return finished.hosts.filter(({ outcome }) => outcome !== "ok").map(({ host }) => host);
  return [...new Set(events.flatMap((event) => (event.type === "play-started" ? event.hosts : [])))];
}

function doneBy(event: Event): string[] {
  if (event.type !== "task-finished" || (event.status !== "changed" && event.status !== "ok")) return [];
  return [keyOf(event.host, event.task)];
}

const keyOf = (host: string, { taskId, item, delegatedTo }: TaskReference): string =>
  `${host}\0${taskId}\0${item?.index ?? ""}\0${item?.label ?? ""}\0${delegatedTo ?? ""}`;
