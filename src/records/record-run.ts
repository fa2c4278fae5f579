import type { Event } from "../converge/event.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import { pruneRecords, recordLimits } from "./prune-records.ts";
import { recordFolder } from "./record-folder.ts";
import { commitOf, type RecordLine, recordHead } from "./record-head.ts";
import { openRunRecord, type RunRecord } from "./run-record.ts";

/** What stands between a run and its view: writes down what passes. */
export interface Recorder {
  /** Call it with every event; it hands it on. */
  emit(event: Event): void;
  /** Adds a line that is no event. */
  add(line: RecordLine): void;
  /** Call it when the run is over. */
  close(): Promise<void>;
}

export interface RunToRecord {
  runId: string;
  checkMode: boolean;
  version: string;
  secrets: Secrets;
  /** What `commitOf` gives, if it was asked for already. */
  commit?: ReturnType<typeof commitOf> | undefined;
}

/**
 * Records a run. Where that is not possible (a full disk, a folder that can't be written) the view gets one warning and the run goes on.
 *
 * @param show where events go from here.
 */
export function recordRun(run: RunToRecord, show: (event: Event) => void): Recorder {
  const folder = recordFolder();
  const warn = (reason: string): void =>
    show({
      type: "warning",
      time: new Date().toISOString(),
      message: `this run is not recorded in full: ${reason} (PLUMB_RUNS_DIR names another folder)`,
    });
  let record: RunRecord | undefined;
  try {
    record = openRunRecord(folder, recordHead(run), warn);
  } catch (error) {
    warn(error instanceof Error ? error.message : String(error));
    return { emit: show, add: () => undefined, close: async () => {} };
  }
  const opened = record;
  const commit = (run.commit ?? commitOf(process.cwd())).then((found) => {
    if (found !== undefined) opened.add(found);
  });
  return {
    emit: (event) => show(opened.write(event)),
    add: opened.add,
    close: async () => {
      await commit;
      opened.close();
      try {
        pruneRecords(folder, recordLimits(), run.runId);
      } catch (error) {
        warn(error instanceof Error ? error.message : String(error));
      }
    },
  };
}
