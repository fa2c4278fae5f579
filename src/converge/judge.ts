import type { Task } from "../playbook/playbook.ts";
import { delayMsOf, retriesOf } from "../playbook/repetition.ts";
import { PendingVariable, type Scope } from "../variables/scope.ts";
import { childScope } from "./host-variables.ts";
import { type Outcome, registeredOf } from "./task-result.ts";

/**
 * `failed_when`, then `changed_when` (not of a failure) have their say; they see the result under its `register` name.
 *
 * @throws DiagnosticsError when they can't be evaluated.
 */
export function judged(task: Task, scope: Scope, outcome: Outcome, attempt: number): Outcome {
  // A mistake in the playbook is no result to be judged, and neither is what has not run.
  if (outcome.status === "skipped" || outcome.diagnostics !== undefined) return outcome;
  const seen = withResult(task, scope, outcome, attempt);
  try {
    return judgedChange(task, seen, judgedFailure(task, seen, outcome));
  } catch (error) {
    if (error instanceof PendingVariable && outcome.notRun === true) return outcome;
    throw error;
  }
}

function judgedFailure({ failedWhen }: Task, seen: Scope, outcome: Outcome): Outcome {
  if (failedWhen === undefined || outcome.notRun === true) return outcome;
  const failing = failedWhen.find(({ expression }) => expression.evaluate(seen) === true);
  if (failing !== undefined)
    return { ...outcome, status: "failed", message: `failed_when: ${failing.expression.source}` };
  return outcome.status === "failed" ? { ...outcome, status: "changed" } : outcome;
}

function judgedChange({ changedWhen }: Task, seen: Scope, outcome: Outcome): Outcome {
  if (changedWhen === undefined || outcome.status === "failed") return outcome;
  const changed = changedWhen.every(({ expression }) => expression.evaluate(seen) === true);
  if (!changed) {
    const message =
      outcome.notRun === true ? "not run; `changed_when` says that it changes nothing" : outcome.message;
    return { ...outcome, message, status: "ok", differences: [] };
  }
  return outcome.status === "ok" ? { ...outcome, status: "changed" } : outcome;
}

function withResult({ register }: Task, scope: Scope, outcome: Outcome, attempt: number): Scope {
  if (register === undefined) return scope;
  return outcome.notRun === true
    ? withPending(scope, register)
    : childScope(scope, { [register]: registeredOf(outcome, attempt) });
}

/** The scope in which a variable is not known yet. */
function withPending(scope: Scope, pending: string): Scope {
  return {
    ...scope,
    lookup: (name) => {
      if (name === pending) throw new PendingVariable(name);
      return scope.lookup(name);
    },
  };
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
