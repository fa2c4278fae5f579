import type { Task } from "../playbook/playbook.ts";
import { delayMsOf, retriesOf } from "../playbook/repetition.ts";
import type { Scope } from "../variables/scope.ts";
import { childScope } from "./host-variables.ts";
import { type Outcome, registeredOf } from "./task-result.ts";

/** `changed_when` and `failed_when` see the result under its `register` name. */
export function judged(task: Task, scope: Scope, outcome: Outcome, attempt: number): Outcome {
  if (outcome.status === "skipped") return outcome;
  const seen = withResult(task, scope, outcome, attempt);
  let judgedOutcome = outcome;
  if (task.changedWhen !== undefined && outcome.status !== "failed") {
    const changed = task.changedWhen.every(({ expression }) => expression.evaluate(seen) === true);
    const status = changed ? (outcome.status === "ok" ? "changed" : outcome.status) : "ok";
    judgedOutcome = { ...judgedOutcome, status, differences: changed ? outcome.differences : [] };
  }
  return task.failedWhen === undefined
    ? judgedOutcome
    : judgedAfterFailure(task, scope, judgedOutcome, attempt);
}

export function judgedAfterFailure(task: Task, scope: Scope, outcome: Outcome, attempt: number): Outcome {
  if (task.failedWhen === undefined || outcome.status === "unknown") return outcome;
  const seen = withResult(task, scope, outcome, attempt);
  const failing = task.failedWhen.find(({ expression }) => expression.evaluate(seen) === true);
  if (failing !== undefined)
    return { ...outcome, status: "failed", message: `failed_when: ${failing.expression.source}` };
  return outcome.status === "failed" ? { ...outcome, status: "changed" } : outcome;
}

function withResult(task: Task, scope: Scope, outcome: Outcome, attempt: number): Scope {
  return task.register === undefined
    ? scope
    : childScope(scope, { [task.register]: registeredOf(outcome, attempt) });
}

/**
 * The pause before one more attempt, if `until` or `retries` asks for one.
 *
 * @throws DiagnosticsError when `until`, `retries` or `delay` can't be evaluated.
 */
export function retryAfterMs(
  task: Task,
  scope: Scope,
  outcome: Outcome,
  attempt: number,
): number | undefined {
  if (outcome.status === "unknown" || outcome.status === "skipped") return undefined;
  if (attempt > retriesOf(task, scope)) return undefined;
  const isMissed = (): boolean => {
    const seen = withResult(task, scope, outcome, attempt);
    return task.until?.some(({ expression }) => expression.evaluate(seen) !== true) ?? false;
  };
  return outcome.status === "failed" || isMissed() ? delayMsOf(task, scope) : undefined;
}
