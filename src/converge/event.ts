import type { Diagnostic, SourceRange } from "../diagnostics/diagnostic.ts";
import type { Difference } from "../modules/change.ts";
import type { TransportCounters, TransportErrorCode } from "../transport/transport.ts";
import type { ValueMap } from "../variables/value.ts";

/**
 * Everything that a run does, as it happens. The terminal, the JSON lines (docs/events.md), the run record and the tests read the same
 * events. Secrets are already redacted. Times are ISO 8601 in UTC, durations milliseconds.
 */
export type Event =
  | RunStarted
  | PlayStarted
  | HostConnected
  | HostUnreachable
  | TaskStarted
  | TaskProgress
  | TaskFinished
  | HandlersStarted
  | Warning
  | Stopping
  | PlayFinished
  | RunFinished;

/** Increased when a field is renamed, removed or changes its meaning; new fields do not count. */
export const EVENT_SCHEMA_VERSION = 1;

interface Timed {
  time: string;
}

export interface RunStarted extends Timed {
  type: "run-started";
  schema: typeof EVENT_SCHEMA_VERSION;
  runId: string;
  playbooks: readonly string[];
  checkMode: boolean;
  diffMode: boolean;
  forks: number;
}

export interface PlayStarted extends Timed {
  type: "play-started";
  playId: string;
  name: string;
  hosts: readonly string[];
  /** Tasks that each host has at most, loops not counted out; for progress. */
  taskCount: number;
}

export interface HostConnected extends Timed {
  type: "host-connected";
  host: string;
  /** Waiting for its turn among other handshakes included. */
  durationMs: number;
  /** Where it took more than one try: sshd had turned it away, or was slow. */
  tries?: number;
}

/** A host on which nothing can be done. */
export interface HostUnreachable extends Timed {
  type: "host-unreachable";
  host: string;
  /** `locked`: connected, but another run works on it, or its state can't be kept. */
  code: TransportErrorCode | "locked";
  message: string;
  hint?: string;
  /** The task that was under way when the connection was lost. */
  task?: TaskReference;
}

/** Which task, on which host, for which item. */
export interface TaskReference {
  taskId: string;
  name: string;
  module: string;
  role?: string;
  handler: boolean;
  at: SourceRange;
  /** Present for one pass of a loop. */
  item?: { index: number; label: string };
  /** The host that it was delegated to. */
  delegatedTo?: string;
}

/** A task is about to do something on a host. Tasks with nothing to do never start: they only finish. */
export interface TaskStarted extends Timed {
  type: "task-started";
  host: string;
  task: TaskReference;
  summary: string;
}

export interface TaskProgress extends Timed {
  type: "task-progress";
  host: string;
  task: TaskReference;
  /** The step under way, and the last line that it printed. */
  step: string;
  line?: string;
}

/**
 * - ok: as wanted already. changed: was not, is now. would-change: check mode; it is not, and a run would change it.
 * - unknown: check mode; can't be known before apply (it depends on what an earlier task would change). Never `ok`.
 * - failed, skipped (a `when` that does not hold), ignored (failed, and `ignore_errors`), rescued (failed, and a `rescue` took over).
 */
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** In the order of a recap. */
export const TASK_STATUSES = [
  "ok",
  "changed",
  "would-change",
  "unknown",
  "failed",
  "rescued",
  "ignored",
  "skipped",
] as const;

export interface TaskFinished extends Timed {
  type: "task-finished";
  host: string;
  task: TaskReference;
  status: TaskStatus;
  /** Why ok, why skipped, what changed, why it failed: one line. */
  message: string;
  hint?: string;
  /** Errors in the user's input that showed only now. */
  diagnostics?: readonly Diagnostic[];
  differences: readonly Difference[];
  /** What `register` would get; null for no_log. */
  data: ValueMap | null;
  durationMs: number;
  /** Handlers that it notified. */
  notified: readonly string[];
  attempts: number;
}

export interface HandlersStarted extends Timed {
  type: "handlers-started";
  host: string;
  handlers: readonly string[];
  /** Of these, the ones that an earlier, interrupted run left to do. */
  leftOver: readonly string[];
}

export interface Warning extends Timed {
  type: "warning";
  host?: string;
  message: string;
  diagnostic?: Diagnostic;
}

/** Ctrl-C: each host finishes the step under way. */
export interface Stopping extends Timed {
  type: "stopping";
  reason: "interrupted" | "any-errors-fatal" | "max-fail-percentage" | "all-failed" | "bad-input" | "defect";
}

export interface PlayFinished extends Timed {
  type: "play-finished";
  playId: string;
}

export type TaskCounts = Record<TaskStatus, number>;

export interface HostRecap {
  host: string;
  /** interrupted: the run was stopped before the host was done; the next run finishes the job. */
  outcome: "ok" | "failed" | "unreachable" | "interrupted";
  counts: TaskCounts;
  /** Handlers notified and not run: they run next time. */
  pendingHandlers: readonly string[];
  /** undefined when never connected. */
  counters?: TransportCounters;
  durationMs: number;
}

export interface RunFinished extends Timed {
  type: "run-finished";
  runId: string;
  outcome: "ok" | "failed" | "unreachable" | "interrupted";
  hosts: readonly HostRecap[];
  durationMs: number;
  /** The list of hosts that failed or could not be reached, for `--limit @file`; where the run is recorded and there are any. */
  retryFile?: string;
}

/** Whoever listens. Called synchronously, in order; must not throw. */
export type EventSink = (event: Event) => void;
