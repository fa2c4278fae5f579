import type { Event, TaskFinished } from "../converge/event.ts";
import type { Watcher } from "../converge/watcher.ts";
import { REDACTED } from "../diagnostics/secrets.ts";
import type { NeededChange } from "../modules/change.ts";
import type { RecordScore } from "../records/record-head.ts";
import { passKey } from "./compare-plans.ts";
import type { Plan, PlannedTask } from "./plan.ts";
import { passCounter } from "./plan-builder.ts";

/** Holds a run to a plan, and keeps score. */
export interface Referee {
  watcher: Watcher;
  hear(event: Event): void;
  score(): RecordScore;
}

export function referee(plan: Plan): Referee {
  const planned = new Map<string, Map<string, PlannedTask>>();
  for (const [host, { tasks }] of Object.entries(plan.hosts))
    planned.set(host, new Map(tasks.map((task) => [passKey(task), task])));
  const seen = new Map<string, TaskFinished>();
  /** Hosts that did not get to their end. */
  const broken = new Set<string>();
  let isWhole = false;
  const finishing = passCounter();
  return {
    watcher: {
      objection: (host, task, change) => {
        // Which time a task comes is known only when it is over; a change of it is planned or it is not.
        const own = [...(planned.get(host)?.values() ?? [])];
        const same = own.filter(
          ({ taskId, pass }) => taskId === task.taskId && pass.startsWith(`${task.item?.index ?? ""}#`),
        );
        const allowed = same.filter(({ status }) => MAY_CHANGE.has(status));
        if (allowed.some((one) => beyond(one, change) === undefined)) return undefined;
        const [other] = allowed;
        if (other !== undefined)
          return `the plan has another change here: not that of ${beyond(other, change)}; it was not made`;
        const isRun = change.action === "run";
        if (isRun && same.some(({ basis, ran }) => basis !== undefined || ran === true)) return undefined;
        if (same.length === 0 && own.some(isUnknownInclude)) return undefined;
        const [first] = same;
        return `the plan has no such change here (it says ${first === undefined ? "nothing of this task" : first.status}); it was not made`;
      },
    },
    hear: (event) => {
      if (event.type === "run-finished") {
        isWhole = event.outcome === "ok";
        for (const { host, outcome } of event.hosts) if (outcome !== "ok") broken.add(host);
      }
      if (event.type === "task-finished")
        seen.set(
          `${event.host}\0${passKey({ taskId: event.task.taskId, pass: finishing(event.host, event.task) })}`,
          event,
        );
    },
    score: () => scoreOf(plan, seen, broken, isWhole),
  };
}

/**
 * What a change would do besides what is planned: undefined for nothing. Less than planned is no more than planned. Where a secret has been masked in the plan,
 * there is nothing to compare with.
 */
function beyond(planned: PlannedTask, { differences }: NeededChange): string | undefined {
  const isMasked = JSON.stringify(planned.differences).includes(REDACTED);
  if (planned.status !== "would-change" || planned.differences.length === 0 || isMasked) return undefined;
  for (const { kind, name, after, secret } of differences) {
    const same = planned.differences.find((one) => one.name === name && one.kind === kind);
    if (same === undefined) return name;
    if (kind === "field" && secret !== true && same.afterUnknown !== true && same.after !== after)
      return `${name} to ${after ?? "nothing"}`;
  }
  return undefined;
}

const MAY_CHANGE: ReadonlySet<string> = new Set([
  "would-change",
  "unknown",
  "changed",
  "failed",
  "ignored",
  "rescued",
]);

/** What is in it is known only when it is read. */
function isUnknownInclude({ module, status }: PlannedTask): boolean {
  return status === "unknown" && /^include_/.test(module);
}

function scoreOf(
  plan: Plan,
  seen: ReadonlyMap<string, TaskFinished>,
  broken: ReadonlySet<string>,
  isWhole: boolean,
): RecordScore {
  const score: Required<RecordScore> = {
    type: "score",
    planId: plan.planId,
    right: 0,
    tested: 0,
    overtaken: 0,
    unknown: 0,
    notReached: 0,
    wrong: [],
  };
  for (const [host, { tasks }] of Object.entries(plan.hosts)) {
    // Other hosts may have ended the run before this one came to what follows.
    const last = isWhole
      ? tasks.length
      : tasks.findLastIndex((task) => seen.has(`${host}\0${passKey(task)}`));
    for (const [index, task] of tasks.entries()) {
      const happened = seen.get(`${host}\0${passKey(task)}`);
      if (task.status === "unknown" || task.status === "changed") score.unknown += 1;
      else if (happened === undefined && (broken.has(host) || index > last || task.status !== "would-change"))
        score.notReached += 1;
      else if (happened !== undefined && isOvertaken(task, happened)) score.overtaken += 1;
      else {
        score.tested += 1;
        const wrong = whatWentOtherwise(task, happened);
        if (wrong === undefined) score.right += 1;
        else
          score.wrong.push({ host, task: task.title, at: task.at, predicted: task.status, happened: wrong });
      }
    }
  }
  return score;
}

/** An earlier task has done it, or some of it: nothing has been done that was not planned. */
function isOvertaken(task: PlannedTask, { status, differences }: TaskFinished): boolean {
  if (task.tentative !== true) return false;
  if (status === "ok") return true;
  const isLess = differences.length < task.differences.length;
  return (
    status === "changed" &&
    isLess &&
    differences.every(({ name }) => task.differences.some((one) => one.name === name))
  );
}

function whatWentOtherwise(task: PlannedTask, happened: TaskFinished | undefined): string | undefined {
  if (happened === undefined) return "it did not come to its turn";
  const expected = task.status === "would-change" ? "changed" : task.status;
  if (happened.status !== expected) return `${happened.status}: ${happened.message}`;
  const names = (differences: readonly { name: string }[]): string =>
    differences.map(({ name }) => name).join(", ");
  // What a handler does was not looked at one by one.
  if (expected !== "changed" || task.differences.length === 0) return undefined;
  const [planned, made] = [names(task.differences), names(happened.differences)];
  return planned === made ? undefined : `changed ${made || "nothing that was planned"} instead of ${planned}`;
}
