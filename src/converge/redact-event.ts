import type { Secrets } from "../diagnostics/secrets.ts";
import type { Event } from "./event.ts";

/** Fields that say where and what in Plumb's own words, or by names that other events must be able to refer to. */
const KEPT = new Set([
  "type",
  "time",
  "runId",
  "playId",
  "taskId",
  "host",
  "hosts",
  "module",
  "status",
  "outcome",
  "reason",
  "code",
  "file",
  "delegatedTo",
  "playbooks",
]);

/**
 * The event with asterisks where secrets stood. Those who make events hide what they know to be free text; here nothing gets by that
 * somebody has forgotten. `task-finished` is left as it is: it can be large, and has been seen to (report-task.ts).
 */
export function redactEvent(event: Event, secrets: Secrets): Event {
  if (secrets.isEmpty || event.type === "task-finished") return event;
  return redacted(event, secrets) as Event;
}

function redacted(value: unknown, secrets: Secrets): unknown {
  if (typeof value === "string") return secrets.redact(value);
  if (Array.isArray(value)) return value.map((item) => redacted(item, secrets));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, KEPT.has(key) ? item : redacted(item, secrets)]),
  );
}
