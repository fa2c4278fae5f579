import type { Event } from "../converge/event.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import { headCommit } from "./head-commit.ts";
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

/** What is recorded. */
export interface RecordedRun {
  runId: string;
  checkMode: boolean;
  version: string;
  secrets: Secrets;
  /** The database that gets the same. */
  shared?: DatabaseAddress;
}

/**
 * Records a run. Where that is not possible (a full disk, a folder that can't be written) the view gets one warning and the run goes on.
 *
 * @param show where events go from here.
 */
export function recordRun(run: RecordedRun, show: (event: Event) => void): Recorder {
  const folder = recordFolder();
  const tell = (message: string): void =>
    show({ type: "warning", time: new Date().toISOString(), message: run.secrets.redact(message) });
  const warn = (reason: string): void =>
    tell(`this run is not recorded in full: ${reason} (PLUMB_RUNS_DIR names another folder)`);
  let record: RunRecord | undefined;
  try {
    record = openRunRecord(folder, recordHead(run), warn);
  } catch (error) {
    warnOf(warn)(error);
    return { emit: show, add: () => undefined, close: async () => {} };
  }
  const opened = record;
  const { shared, runId } = run;
  const sharing =
    shared === undefined
      ? undefined
      : import("./shared-record.ts").then(({ shareRecord }) => shareRecord(folder, runId, shared, tell));
  sharing?.catch(warnOf(warn));
  let commit: Promise<void> | undefined;
  return {
    emit: (event) => {
      // Whether the tree differs from its commit takes git a look at every file. It counts where something is done with what is in the tree.
      if (event.type === "task-finished" && event.status !== "ok" && event.status !== "skipped") {
        commit ??= commitOf(process.cwd()).then((found) => {
          if (found !== undefined) opened.add(found);
        });
      }
      show(opened.write(event));
    },
    add: opened.add,
    close: async () => {
      if (commit === undefined) {
        const head = headCommit(process.cwd());
        if (head !== undefined) opened.add({ type: "record-commit", commit: head });
      } else await commit;
      opened.close();
      await (await sharing?.catch(() => undefined))?.close();
      try {
        pruneRecords(folder, recordLimits(), runId);
      } catch (error) {
        warnOf(warn)(error);
      }
    },
  };
}

const warnOf =
  (warn: (reason: string) => void) =>
  (error: unknown): void =>
    warn(error instanceof Error ? error.message : String(error));
