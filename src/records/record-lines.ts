import { z } from "zod";
import { type Event, TASK_STATUSES } from "../converge/event.ts";
import type { RecordHead, RecordLine } from "./record-head.ts";

const place = z.object({ file: z.string(), line: z.number(), column: z.number() });
const texts = z.array(z.string());
const number = z.number();

const task = z.object({
  taskId: z.string(),
  name: z.string(),
  module: z.string(),
  role: z.string().optional(),
  at: place,
  item: z.object({ index: number, label: z.string() }).optional(),
  delegatedTo: z.string().optional(),
});

const difference = z.object({
  kind: z.enum(["field", "text"]),
  name: z.string(),
  before: z.string().optional(),
  after: z.string().optional(),
});

const diagnostic = z.object({
  severity: z.enum(["error", "warning"]),
  code: z.string(),
  message: z.string(),
  at: place.optional(),
  expected: z.string().optional(),
  hint: z.string().optional(),
});

const outcome = z.enum(["ok", "failed", "unreachable", "interrupted"]);

const recap = z.object({
  host: z.string(),
  outcome,
  counts: z.object(Object.fromEntries(TASK_STATUSES.map((status) => [status, number]))),
  pendingHandlers: texts,
  counters: z.object({ roundTrips: number }).optional(),
  durationMs: number,
});

/** What readers of records rely on, of each type of line. Others they pass over. */
const LINES: Readonly<Record<string, z.ZodType>> = {
  record: z.object({
    runId: z.string(),
    time: z.string(),
    who: z.string(),
    command: texts,
    directory: z.string(),
    checkMode: z.boolean(),
    versions: z.object({ plumb: z.string(), node: z.string() }),
  }),
  "record-commit": z.object({ commit: z.string() }),
  score: z.object({
    right: number,
    tested: number,
    unknown: number,
    notReached: number,
    wrong: z.array(
      z.object({
        host: z.string(),
        task: z.string(),
        at: z.string(),
        predicted: z.string(),
        happened: z.string(),
      }),
    ),
  }),
  "run-started": z.object({ playbooks: texts, checkMode: z.boolean() }),
  "play-started": z.object({ name: z.string(), hosts: texts }),
  "handlers-started": z.object({ host: z.string(), leftOver: texts }),
  "host-unreachable": z.object({ host: z.string(), message: z.string(), hint: z.string().optional() }),
  "task-finished": z.object({
    time: z.string(),
    host: z.string(),
    task,
    status: z.enum(TASK_STATUSES),
    message: z.string(),
    hint: z.string().optional(),
    diagnostics: z.array(diagnostic).optional(),
    differences: z.array(difference),
    data: z.record(z.string(), z.unknown()).nullable(),
  }),
  warning: z.object({ host: z.string().optional(), message: z.string() }),
  "run-finished": z.object({
    outcome,
    hosts: z.array(recap),
    durationMs: number,
    retryFile: z.string().optional(),
  }),
};

/** Whether readers can rely on a line: whoever may write to a shared record can put anything into it, and a disk that fails too. */
export function isRecordLine(value: unknown): value is RecordHead | RecordLine | Event {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  const { type } = value;
  if (typeof type !== "string") return false;
  return !Object.hasOwn(LINES, type) || LINES[type]?.safeParse(value).success === true;
}
