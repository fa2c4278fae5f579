import { redactDiagnostic } from "../diagnostics/redact-diagnostic.ts";
import { redactDifference } from "../diagnostics/redact-difference.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { Difference } from "../modules/change.ts";
import type { Task } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import { redactMap } from "../variables/redact-value.ts";
import type { Scope } from "../variables/scope.ts";
import type { TaskReference, TaskStatus } from "./event.ts";
import type { HostContext } from "./host-context.ts";
import { isOn } from "./keyword-flag.ts";
import type { Pass } from "./passes.ts";
import { type Outcome, registeredOf } from "./task-result.ts";

/** One pass of a task as events tell of it. */
export interface ReportedPass {
  task: Task;
  /** Absent when the task failed before its loop was known. */
  pass: Pass | undefined;
  handler: boolean;
  /** The host that it was delegated to. */
  delegatedTo: string | undefined;
}

/** Which task, for events. A name that can't be rendered is shown as it is written. */
export function referenceTo(context: HostContext, reported: ReportedPass): TaskReference {
  const { task, pass, handler, delegatedTo } = reported;
  const item = pass?.item;
  const label =
    item === undefined
      ? ""
      : pass !== undefined && isSilent(task, pass.scope)
        ? `item ${item.index + 1}, hidden by no_log`
        : context.secrets.redact(item.label);
  return {
    taskId: task.id,
    name: context.secrets.redact(taskName(task, pass?.scope)),
    module: task.module,
    ...(task.role === undefined ? {} : { role: task.role.name }),
    handler,
    at: task.at,
    ...(item === undefined ? {} : { item: { index: item.index, label } }),
    ...(delegatedTo === undefined ? {} : { delegatedTo }),
  };
}

/**
 * Tells how a pass ended, without secrets, and counts it.
 *
 * @returns the status after `ignore_errors` and `rescue` have had their say.
 */
export function reportFinished(
  context: HostContext,
  reported: ReportedPass,
  outcome: Outcome,
  rest: {
    rescued: boolean;
    /** Whatever the task says of errors. */
    ignored?: boolean;
    startedMs: number;
    attempts: number;
    notified: readonly string[];
  },
): TaskStatus {
  const scope = reported.pass?.scope ?? context.variables.scopeOf(reported.task);
  const status = rest.ignored === true ? "ignored" : finalStatus(reported.task, scope, outcome, rest.rescued);
  const silent = isSilent(reported.task, scope) && outcome.ofFlags !== true;
  const redact = (text: string): string => context.secrets.redact(text);
  context.counts[status] += 1;
  if (status === "failed" || status === "rescued") {
    const { name } = referenceTo(context, reported);
    context.lastFailure = { task: reported.task, name, result: registeredOf(outcome, rest.attempts) };
  }
  context.emit({
    type: "task-finished",
    host: context.host,
    task: referenceTo(context, reported),
    status,
    message: silent ? "hidden by no_log" : redact(outcome.message),
    ...(silent || outcome.hint === undefined ? {} : { hint: redact(outcome.hint) }),
    ...(silent || outcome.diagnostics === undefined
      ? {}
      : {
          diagnostics: outcome.diagnostics.map((diagnostic) => redactDiagnostic(diagnostic, context.secrets)),
        }),
    differences: silent
      ? []
      : outcome.differences.map((difference) => withoutSecrets(difference, context.secrets)),
    data: silent ? null : redactMap(registeredOf(outcome, rest.attempts), context.secrets),
    durationMs: Math.round(performance.now() - rest.startedMs),
    notified: rest.notified.map(redact),
    attempts: rest.attempts,
  });
  return status;
}

/** Whether `no_log` hides what the task says. One that can't be evaluated hides. */
export function isSilent({ keywords }: Task, scope: Scope): boolean {
  return isOn(keywords.noLog, scope, true);
}

function finalStatus({ keywords }: Task, scope: Scope, outcome: Outcome, rescued: boolean): TaskStatus {
  if (outcome.status !== "failed") return outcome.status;
  if (isOn(keywords.ignoreErrors, scope)) return "ignored";
  return rescued ? "rescued" : "failed";
}

function taskName(task: Task, scope: Scope | undefined): string {
  if (task.name === undefined) return task.module;
  if (task.name.kind === "literal") return String(task.name.value);
  const written = task.name.kind === "text" ? task.name.template.source : task.module;
  if (scope === undefined) return written;
  try {
    return String(evaluate(task.name, scope));
  } catch {
    // A name is for people: one that does not render is no reason to fail a task, and as it is written it says enough.
    return written;
  }
}

function withoutSecrets(difference: Difference, secrets: Secrets): Difference {
  const { before, after } = redactDifference(difference, secrets);
  return {
    ...difference,
    name: secrets.redact(difference.name),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}
