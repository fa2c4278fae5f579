import type { ReadRecord } from "../records/read-records.ts";
import type { RecordSummary } from "../records/search-records.ts";
import type { Paint } from "./colour.ts";
import { formatDuration } from "./duration.ts";
import { safeText } from "./safe-text.ts";
import { tableLines } from "./table.ts";

/** Runs as a table. */
export function recordTable(runs: readonly RecordSummary[], paint: Paint): string[] {
  const rows = runs.map((run) => [
    safeText(run.runId),
    safeText(run.who),
    run.playbooks.map((file) => safeText(file)).join(" "),
    commitText(run.commit, run.dirty),
    run.checkMode ? "check" : "run",
    String(run.hosts),
    String(run.checkMode ? run.wouldChange : run.changed),
    String(run.failed),
    run.durationMs === undefined ? "-" : formatDuration(run.durationMs),
    paint(run.outcome === "ok" ? "green" : "red", safeText(run.outcome)),
  ]);
  const head = ["run", "who", "playbooks", "commit", "", "hosts", "changes", "failed", "time", "outcome"];
  return tableLines([head, ...rows], new Set([5, 6, 7, 8]));
}

/** Who, what and where: what stands before a run that is told again. */
export function recordHeadLines({ head, commit, finished }: ReadRecord, paint: Paint): string[] {
  return [
    paint("bold", `RUN ${safeText(head.runId)}`),
    ...tableLines([
      ["when", safeText(head.time)],
      ["who", safeText(head.who)],
      ["where", safeText(head.directory)],
      ["what", safeText(`plumb ${head.command.join(" ")}`)],
      ["commit", commitText(commit?.commit, commit?.dirty ?? false)],
      ["with", safeText(`plumb ${head.versions.plumb}, node ${head.versions.node}`)],
    ]),
    ...(finished === undefined
      ? [paint("red", "This run has no end: it is still under way, or was killed.")]
      : []),
  ];
}

function commitText(commit: string | undefined, dirty: boolean): string {
  return commit === undefined ? "-" : `${safeText(commit.slice(0, 10))}${dirty ? " + changes" : ""}`;
}
