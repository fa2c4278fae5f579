import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Task } from "../playbook/playbook.ts";
import { delayMsOf, retriesOf } from "../playbook/repetition.ts";
import { PendingVariable, type Scope } from "../variables/scope.ts";
import { childScope } from "./host-variables.ts";
import { type Outcome, registeredOf } from "./task-result.ts";

/**
 * `changed_when`, then `failed_when` have their say; they see the result under its `register` name, the second one what the first has made of it.
 *
 * @throws DiagnosticsError when they can't be evaluated.
 */
export function judged(task: Task, scope: Scope, outcome: Outcome, attempt: number): Outcome {
  // A mistake in the playbook is no result to be judged, and neither is what has not run.
  if (outcome.status === "skipped" || outcome.diagnostics !== undefined || outcome.neverBegan === true)
    return outcome;
  if (outcome.notAsked === true) return outcome;
  const seen = (result: Outcome): Scope => withResult(task, scope, result, attempt);
  try {
    const changed = judgedChange(task, seen(outcome), outcome);
    return judgedFailure(task, seen(changed), changed);
  } catch (error) {
    if (error instanceof PendingVariable && outcome.notRun === true) return outcome;
    throw error;
  }
}

function judgedFailure({ failedWhen }: Task, seen: Scope, outcome: Outcome): Outcome {
  if (failedWhen === undefined || outcome.notRun === true) return outcome;
  const failing = whichHolds(failedWhen, seen, outcome);
  if (failing instanceof DiagnosticsError)
    return {
      ...outcome,
      message: `${outcome.message}; and what \`failed_when\` asks for is not there: ${failing.message}`,
    };
  if (failing !== undefined)
    return {
      ...outcome,
      status: "failed",
      message: `failed_when: ${failing.expression.source}`,
      ...(outcome.status === "changed" ? { hasChanged: true } : {}),
    };
  if (outcome.status !== "failed") return outcome;
  const { hasChanged = true, ...rest } = outcome;
  return { ...rest, status: hasChanged ? "changed" : "ok" };
}

/** @returns an error that came of a failure: what failed gave no result to ask for. @throws DiagnosticsError otherwise */
function whichHolds(
  conditions: NonNullable<Task["failedWhen"]>,
  seen: Scope,
  outcome: Outcome,
): NonNullable<Task["failedWhen"]>[number] | DiagnosticsError | undefined {
  try {
    return conditions.find(({ expression }) => expression.evaluate(seen) === true);
  } catch (error) {
    if (error instanceof DiagnosticsError && outcome.status === "failed") return error;
    throw error;
  }
}

/** Whether `failed_when` has something to say: `failed_when: false` has not. */
function mayFail({ failedWhen = [] }: Task): boolean {
  return failedWhen.some(({ expression }) => expression.source.trim() !== "false");
}

function judgedChange(task: Task, seen: Scope, outcome: Outcome): Outcome {
  const { changedWhen } = task;
  if (changedWhen === undefined) return outcome;
  const changed = changedWhen.every(({ expression }) => expression.evaluate(seen) === true);
  if (outcome.status === "failed") return { ...outcome, hasChanged: changed };
  if (!changed) {
    if (outcome.notRun !== true) return { ...outcome, status: "ok", differences: [] };
    // What it is judged by is its result: that nothing would change is not all that was asked.
    if (mayFail(task)) return { ...outcome, differences: [] };
    const message = "not run; `changed_when` says that it changes nothing";
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

/** Whether a pass is over, by `until` and `retries`; `timeIsUp` where tries were left, and no time for them. */
export type Verdict =
  | { kind: "over"; timeIsUp: boolean }
  | { kind: "again"; afterMs: number }
  | { kind: "given-up"; timeIsUp: boolean };

/**
 * Where `until` is given it alone decides: a failure for which it holds is not tried again, and what it never holds for is a failure, unless `failed_when` says what one is. Of a failure it may ask for
 * what is not there: then it does not hold.
 *
 * @param leftMs what is left of `timeout` for further tries
 * @throws DiagnosticsError when `until`, `retries` or `delay` can't be evaluated.
 */
export function verdictOn(
  task: Task,
  scope: Scope,
  outcome: Outcome,
  attempt: number,
  leftMs = Number.POSITIVE_INFINITY,
): Verdict {
  const over: Verdict = { kind: "over", timeIsUp: false };
  if (outcome.status === "unknown" || outcome.status === "skipped") return over;
  const isFailed = outcome.status === "failed";
  if (task.until === undefined ? !isFailed : isMet(task.until, task, scope, outcome, attempt)) return over;
  const timeIsUp = attempt <= retriesOf(task, scope);
  const afterMs = delayMsOf(task, scope);
  if (timeIsUp && afterMs < leftMs) return { kind: "again", afterMs };
  return { kind: isFailed || task.failedWhen !== undefined ? "over" : "given-up", timeIsUp };
}

function isMet(
  until: NonNullable<Task["until"]>,
  task: Task,
  scope: Scope,
  outcome: Outcome,
  attempt: number,
): boolean {
  const seen = withResult(task, scope, outcome, attempt);
  try {
    return until.every(({ expression }) => expression.evaluate(seen) === true);
  } catch (error) {
    if (outcome.status === "failed") return false;
    throw error;
  }
}
