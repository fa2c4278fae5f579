import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import type { Event, RunFinished } from "../converge/event.ts";
import { prepareRecordFolder } from "./record-folder.ts";
import type { RecordHead, RecordLine } from "./record-head.ts";

/** Lines wait this long, so that a run of a thousand tasks does not write a thousand times. */
const FLUSH_AFTER_MS = 100;
const FLUSH_AT_CHARACTERS = 64 * 1024;

/** The record of one run, while it is written. */
export interface RunRecord {
  /** Called with every event, in order. Returns the event as views are to tell it: the last one names the list of failed hosts. */
  write(event: Event): Event;
  /** A line that is no event. */
  add(line: RecordLine): void;
  close(): void;
}

/**
 * Opens the record of a run and writes its head.
 *
 * What has been handed over is written at once before something changes and after something went wrong, and otherwise a moment later: it is then with the
 * operating system, and survives the death of this process. No fsync: a record is worth less than the time of a run.
 *
 * @param failed called once when it can't be written any longer (a full disk); the run goes on.
 * @throws Error when the folder or the file can't be had.
 */
export function openRunRecord(folder: string, head: RecordHead, failed: (reason: string) => void): RunRecord {
  prepareRecordFolder(folder);
  const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW } = constants;
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW;
  const file = openSync(path.join(folder, `${head.runId}.jsonl`), flags, 0o600);
  let pending = "";
  let timer: NodeJS.Timeout | undefined;
  let isBroken = false;
  const giveUp = (error: unknown): void => {
    isBroken = true;
    failed(error instanceof Error ? error.message : String(error));
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const text = pending;
    pending = "";
    if (text === "" || isBroken) return;
    try {
      writeAll(file, text);
    } catch (error) {
      giveUp(error);
    }
  };
  const add = (line: RecordHead | RecordLine | Event, now: boolean): void => {
    if (isBroken) return;
    pending += `${JSON.stringify(line)}\n`;
    if (now || pending.length > FLUSH_AT_CHARACTERS) flush();
    else timer ??= setTimeout(flush, FLUSH_AFTER_MS).unref();
  };
  add(head, true);
  return {
    write: (event) => {
      if (event.type === "task-progress") return event;
      const told = event.type === "run-finished" ? withFailedHosts(folder, head, event, giveUp) : event;
      add(trimmed(told), isUrgent(told));
      return told;
    },
    add: (line) => add(line, false),
    close: () => {
      flush();
      closeSync(file);
    },
  };
}

/** Writes may be cut short, by a signal or a disk that fills up. */
function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}

function isUrgent(event: Event): boolean {
  if (event.type === "task-finished") return event.status === "changed" || event.status === "failed";
  return event.type === "task-started" || event.type === "host-unreachable" || event.type === "run-finished";
}

/** What a task returns can be anything, and a lot: it is kept where it explains a failure. */
function trimmed(event: Event): Event {
  if (event.type !== "task-finished") return event;
  const explains = event.status === "failed" || event.status === "ignored" || event.status === "rescued";
  return explains ? event : { ...event, data: null };
}

/** The list of hosts that `--limit @file` takes, of the last run that had any. */
export const LAST_RETRY = "last.retry";

/**
 * Writes the hosts that failed, or could not be reached, into a file of the run's, and into one whose name is always the same. A run that had none and was
 * not only a check takes that one away: there is nothing to try again.
 */
function withFailedHosts(
  folder: string,
  head: RecordHead,
  event: RunFinished,
  failed: (error: unknown) => void,
): RunFinished {
  const hosts = event.hosts.filter(({ outcome }) => outcome === "failed" || outcome === "unreachable");
  const last = path.join(folder, LAST_RETRY);
  try {
    if (hosts.length === 0) {
      if (!head.checkMode && event.outcome === "ok") rmSync(last, { force: true });
      return event;
    }
    const list = hosts.map(({ host }) => `${host}\n`).join("");
    const own = path.join(folder, `${head.runId}.retry`);
    writeFileSync(own, list, { mode: 0o600, flag: "wx" });
    writeFileSync(`${own}.new`, list, { mode: 0o600, flag: "wx" });
    renameSync(`${own}.new`, last);
    return { ...event, retryFile: own };
  } catch (error) {
    failed(error);
    return event;
  }
}
