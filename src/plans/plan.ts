import { z } from "zod";
import { TASK_STATUSES } from "../converge/event.ts";

/** Increased when a field is renamed, removed or changes its meaning; new fields do not count. */
export const PLAN_SCHEMA_VERSION = 1;

const difference = z.object({
  kind: z.enum(["field", "text"]),
  name: z.string(),
  before: z.string().optional(),
  after: z.string().optional(),
  afterUnknown: z.literal(true).optional(),
  beforeUnread: z.boolean().optional(),
  secret: z.boolean().optional(),
});

/** Digests of the parts of an answer: of its fields, or under an empty name of the whole. */
const parts = z.record(z.string(), z.string());

const task = z.object({
  taskId: z.string(),
  /** Which pass, of a task that comes several times: an item of a loop, a handler that runs twice. */
  pass: z.string(),
  /** `role : name => item`. */
  title: z.string(),
  module: z.string(),
  handler: z.boolean(),
  at: z.string(),
  /** `unknown`: only a run would tell. */
  status: z.enum(TASK_STATUSES),
  message: z.string(),
  differences: z.array(difference),
  /** The answers that a change was computed from, by question. */
  basis: z.record(z.string(), parts).optional(),
  /** An earlier task installs something or runs a command, and may make this change, or a part of it, by itself. */
  tentative: z.literal(true).optional(),
  /** Something was run that only looks, or that a task says changes nothing. */
  ran: z.boolean().optional(),
});

const host = z.object({
  outcome: z.enum(["ok", "failed", "unreachable", "interrupted"]),
  /** Digests of the facts that do not change by themselves. Absent where nothing has to be changed. */
  facts: parts.optional(),
  tasks: z.array(task),
});

const plan = z.object({
  type: z.literal("plumb-plan"),
  schema: z.literal(PLAN_SCHEMA_VERSION),
  planId: z.string(),
  time: z.string(),
  who: z.string(),
  versions: z.object({ plumb: z.string(), node: z.string() }),
  /** Mixed into every digest, so that digests of two plans tell nothing about each other. */
  salt: z.string(),
  playbooks: z.array(z.string()),
  /** What was chosen on the command line. Values of variables are not: those that were typed must be typed again. */
  options: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())])),
  /** Digests of playbooks, roles, inventories and variables, by file or by name. */
  inputs: parts,
  hosts: z.record(z.string(), host),
});

export type Plan = z.infer<typeof plan>;
export type PlannedHost = z.infer<typeof host>;
export type PlannedTask = z.infer<typeof task>;
export type DigestedParts = z.infer<typeof parts>;

/** What makes a text a plan of some version of Plumb. */
const head = z.object({
  type: z.literal("plumb-plan"),
  schema: z.number(),
  versions: z.object({ plumb: z.string() }),
});

/** The plan in a text, or why there is none that this version can carry out. */
export function parsePlan(text: string): { plan: Plan } | { trouble: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      trouble: `it is no plan, or has been damaged: ${error instanceof Error ? error.message : ""}`,
    };
  }
  const whole = plan.safeParse(value);
  if (whole.success) return { plan: whole.data };
  const begins = head.safeParse(value);
  if (!begins.success) return { trouble: "it is no plan" };
  const { schema, versions } = begins.data;
  if (schema !== PLAN_SCHEMA_VERSION)
    return {
      trouble: `it is of version ${schema} of the format, made by Plumb ${versions.plumb}, and this Plumb knows version ${PLAN_SCHEMA_VERSION}`,
    };
  const [issue] = whole.error.issues;
  return {
    trouble: `it has been changed or damaged at ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
  };
}
