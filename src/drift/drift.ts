import type { RunFinished } from "../converge/event.ts";
import type { Plan, PlannedTask } from "../plans/plan.ts";
import { SEVERITIES, type Severity, type SeverityRule, severityOf } from "./severity.ts";
import type { Since, TaskHistory } from "./task-history.ts";

/** Increased when a field of a report is renamed, removed or changes its meaning; new fields do not count. */
export const DRIFT_SCHEMA_VERSION = 1;

/** One thing that is out of true, or of which nobody can tell. */
export interface DriftItem extends Since {
  host: string;
  task: string;
  module: string;
  at: string;
  /** unknown: only a run would tell. failed: it could not be looked at. */
  status: "drift" | "unknown" | "failed";
  severity: Severity;
  message: string;
  differences: PlannedTask["differences"];
}

export interface DriftedHost {
  host: string;
  /** Of a host that could not be looked at nothing is known. */
  outcome: RunFinished["outcome"];
  ok: number;
  drift: number;
  unknown: number;
  failed: number;
}

export interface DriftReport {
  type: "drift";
  schema: typeof DRIFT_SCHEMA_VERSION;
  runId: string;
  time: string;
  playbooks: readonly string[];
  hosts: readonly DriftedHost[];
  items: readonly DriftItem[];
}

const FOUND: Partial<Record<PlannedTask["status"], DriftItem["status"]>> = {
  "would-change": "drift",
  unknown: "unknown",
  failed: "failed",
  // Its author can live with the failure; whether it is as wanted, nobody knows all the same.
  ignored: "unknown",
  rescued: "unknown",
};

/** What a check says of drift. Handlers are left out: they follow from what is in the report already. */
export function driftOf(plan: Plan, history: TaskHistory, rules: readonly SeverityRule[] = []): DriftReport {
  const items: DriftItem[] = [];
  const hosts = Object.entries(plan.hosts).map(([host, { outcome, tasks }]) => {
    const own = tasks.filter(({ handler }) => !handler);
    for (const task of own) {
      const status = FOUND[task.status];
      if (status === undefined) continue;
      const { title, module, at, message, differences } = task;
      const found = {
        host,
        task: title,
        module,
        at,
        status,
        severity: severityOf(task, rules),
        message,
        differences,
      };
      items.push({ ...found, ...(status === "drift" ? history.since(host, task) : {}) });
    }
    const count = (...statuses: PlannedTask["status"][]): number =>
      own.filter((task) => statuses.includes(task.status)).length;
    return {
      host,
      outcome,
      ok: count("ok"),
      drift: count("would-change"),
      unknown: count("unknown", "ignored", "rescued"),
      failed: count("failed"),
    };
  });
  items.sort((one, other) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity));
  const { planId, time, playbooks } = plan;
  return { type: "drift", schema: DRIFT_SCHEMA_VERSION, runId: planId, time, playbooks, hosts, items };
}
