import path from "node:path";
import { type Event, type RunFinished, TASK_STATUSES, type TaskFinished } from "../converge/event.ts";
import type { ReadRecord } from "./read-records.ts";

/** What is looked for; all that is given must hold. */
export interface RecordQuery {
  /** `*` and `?` stand for anything. */
  host?: string;
  /** Part of a task's name, role or module. */
  task?: string;
  /** Part of the name of a difference, or of what a task says of itself. Of tasks that found it as wanted only where `status` asks for them. */
  resource?: string;
  /** How the run ended, or a task in it that fits the rest. */
  status?: string;
  sinceMs?: number;
  untilMs?: number;
}

/** A run in a line. */
export interface RecordSummary {
  runId: string;
  time: string;
  who: string;
  commit: string | undefined;
  dirty: boolean;
  playbooks: readonly string[];
  checkMode: boolean;
  /** unfinished: it is still under way, or was killed. */
  outcome: RunFinished["outcome"] | "unfinished";
  hosts: number;
  changed: number;
  wouldChange: number;
  failed: number;
  durationMs: number | undefined;
}

/** Whether a run is one of those that are looked for. */
export function matchesQuery(record: ReadRecord, query: RecordQuery): boolean {
  const startedMs = Date.parse(record.head.time);
  if (query.sinceMs !== undefined && startedMs < query.sinceMs) return false;
  if (query.untilMs !== undefined && startedMs > query.untilMs) return false;
  const { host, task, resource, status } = query;
  if (host !== undefined && !hostsOf(record.events).some((name) => path.matchesGlob(name, host)))
    return false;
  const fitting = record.events.filter(
    (event): event is TaskFinished => event.type === "task-finished" && fits(event, query),
  );
  if ((task !== undefined || resource !== undefined) && fitting.length === 0) return false;
  if (status === undefined || summaryOf(record).outcome === status) return true;
  return fitting.some((event) => event.status === status);
}

/** Where nothing differed. */
const QUIET: ReadonlySet<string> = new Set<TaskFinished["status"]>(["ok", "skipped"]);

/** How tasks and runs end, as `status` of a query. */
export const RECORD_STATUSES: readonly string[] = [
  ...TASK_STATUSES,
  ...(["unreachable", "interrupted", "unfinished"] satisfies RecordSummary["outcome"][]),
];

function fits(event: TaskFinished, { host, task, resource, status }: RecordQuery): boolean {
  if (host !== undefined && !path.matchesGlob(event.host, host)) return false;
  const names = [event.task.name, event.task.role ?? "", event.task.module];
  if (task !== undefined && !names.some((name) => name.includes(task))) return false;
  if (resource === undefined) return true;
  if (QUIET.has(event.status) && event.status !== status) return false;
  const resources = [
    ...event.differences.map(({ name }) => name),
    event.message,
    event.task.item?.label ?? "",
  ];
  return resources.some((name) => name.includes(resource));
}

function hostsOf(events: readonly Event[]): string[] {
  return events.flatMap((event) => (event.type === "play-started" ? event.hosts : []));
}

/** A record in a line. Counted from the tasks, because a run that was killed has no recap. */
export function summaryOf(record: ReadRecord): RecordSummary {
  const count = (status: TaskFinished["status"]): number =>
    record.events.filter((event) => event.type === "task-finished" && event.status === status).length;
  const started = record.events.find((event) => event.type === "run-started");
  return {
    runId: record.head.runId,
    time: record.head.time,
    who: record.head.who,
    commit: record.commit?.commit,
    dirty: record.commit?.dirty ?? false,
    playbooks: (started?.playbooks ?? []).map((file) => asTyped(file, record.head.directory)),
    checkMode: record.head.checkMode,
    outcome: record.finished?.outcome ?? "unfinished",
    hosts: new Set(hostsOf(record.events)).size,
    changed: count("changed"),
    wouldChange: count("would-change"),
    failed: count("failed"),
    durationMs: record.finished?.durationMs,
  };
}

const UNITS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A point in time, or how long before `now`, in milliseconds since 1970; undefined for what is neither. */
export function timeOf(text: string, now: number): number | undefined {
  const ago = /^(\d+)([smhdw])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNITS_MS[ago[2] ?? ""] ?? 0);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const found = Date.parse(text);
  return Number.isNaN(found) ? undefined : found;
}

/** Within the folder where the run was started, a path is shorter from there. */
function asTyped(file: string, directory: string): string {
  return file.startsWith(`${directory}/`) ? path.relative(directory, file) : file;
}
