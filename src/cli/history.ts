import { inputError } from "../diagnostics/diagnostic.ts";
import { present } from "../playbook/present.ts";
import { findAmong, type ReadRecord } from "../records/read-records.ts";
import {
  matchesQuery,
  RECORD_STATUSES,
  type RecordQuery,
  type RecordSummary,
  summaryOf,
  timeOf,
} from "../records/search-records.ts";
import { paintFor } from "../views/colour.ts";
import { scoreLines } from "../views/plan-lines.ts";
import { recordHeadLines, recordTable } from "../views/records.ts";
import { safeJson } from "../views/safe-text.ts";
import { teller } from "../views/teller.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { wholeNumber } from "./read-input.ts";
import { withRecordSource } from "./record-source.ts";

export interface HistoryOptions {
  host?: string;
  task?: string;
  resource?: string;
  status?: string;
  since?: string;
  until?: string;
  number: string;
  json?: boolean;
  /** A database to read from, in the place of the folder. */
  record?: string;
}

/** `plumb history`: the newest runs that fit, the oldest of them first. */
export async function historyCommand(options: HistoryOptions): Promise<ExitCode> {
  if (options.status !== undefined && !RECORD_STATUSES.includes(options.status))
    throw inputError("invalid-option", `--status ${options.status}: nothing ends so`, {
      expected: RECORD_STATUSES.join(", "),
    });
  const query: RecordQuery = {
    ...present("host", options.host),
    ...present("task", options.task),
    ...present("resource", options.resource),
    ...present("status", options.status),
    ...present("sinceMs", time("--since", options.since)),
    ...present("untilMs", time("--until", options.until)),
  };
  const most = wholeNumber("--number", options.number);
  const { found, place } = await withRecordSource(options.record, async (source) => {
    const found: RecordSummary[] = [];
    for (const run of source.runs) {
      if (found.length === most) break;
      const record = await source.read(run);
      if (record !== undefined && matchesQuery(record, query)) found.push(summaryOf(record));
    }
    return { found, place: source.place };
  });
  const summaries = found.reverse();
  const output = consoleOutput();
  if (options.json === true) {
    for (const summary of summaries) output.write(`${safeJson(summary)}\n`);
  } else if (summaries.length === 0) {
    output.write(`No run in ${place} fits.\n`);
  } else output.write(`${recordTable(summaries, paintFor(output.isTerminal)).join("\n")}\n`);
  return EXIT.ok;
}

/** `plumb history show`: as the run told it, with differences. */
export async function historyShowCommand(
  asked: string,
  options: { json?: boolean; verbose?: boolean; record?: string },
): Promise<ExitCode> {
  const record = await withRecordSource(options.record, async ({ runs, place, read }) => {
    const found: ReadRecord | undefined = await read(findAmong(runs, place, asked));
    if (found === undefined) throw inputError("no-such-run", `what ${place} has of ${asked} is no record`);
    return found;
  });
  const output = consoleOutput();
  if (options.json === true) {
    const others = [record.commit, record.score].filter((line) => line !== undefined);
    const lines = [record.head, ...record.events, ...others];
    for (const line of lines) output.write(`${safeJson(line)}\n`);
    return EXIT.ok;
  }
  const paint = paintFor(output.isTerminal);
  const how = { paint, diff: true, verbosity: options.verbose === true ? 1 : 0 };
  const told = record.events.flatMap(teller(how));
  const score = record.score === undefined ? [] : scoreLines(record.score, paint);
  output.write(`${[...recordHeadLines(record, paint), ...told, ...score].join("\n")}\n`);
  return EXIT.ok;
}

function time(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const found = timeOf(text, Date.now());
  if (found !== undefined) return found;
  throw inputError("invalid-option", `${option} ${text}: this is no time`, {
    expected: "2026-11-25, 2026-11-25T17:00, or how long ago: 90m, 12h, 7d",
  });
}
