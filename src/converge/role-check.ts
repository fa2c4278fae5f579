import { type Diagnostic, DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { RoleContext, Task } from "../playbook/playbook.ts";
import { checkRoleVariables } from "../playbook/role-variables.ts";
import type { Scope } from "../variables/scope.ts";
import type { HostContext } from "./host-context.ts";
import { reportFinished } from "./report-task.ts";
import { holds } from "./skip.ts";
import { type Outcome, outcomeOfError } from "./task-result.ts";

/**
 * Checks the variables of the task's role against the role's specification, once a host, before its first task that is not skipped: a role that is not wanted needs none.
 *
 * @returns whether they are right; if not, that has been reported as a failure of the task.
 */
export function checkRole(context: HostContext, task: Task): boolean {
  const { role } = task;
  if (role?.specification === undefined || context.checkedRoles.has(role)) return true;
  const scope = context.variables.scopeOf(task);
  if (isSkipped(task, scope)) return true;
  context.checkedRoles.add(role);
  let diagnostics: Diagnostic[];
  try {
    diagnostics = checkRoleVariables(role.specification, scope);
  } catch (error) {
    const outcome = outcomeOfError(error, context.changesPending, context.options.checkMode);
    reportRole(context, task, role, outcome);
    return outcome.status !== "failed";
  }
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  for (const diagnostic of diagnostics.filter(({ severity }) => severity === "warning")) {
    context.emit({ type: "warning", host: context.host, message: diagnostic.message, diagnostic });
  }
  if (errors.length === 0) return true;
  reportRole(context, task, role, outcomeOfError(new DiagnosticsError(errors), false));
  return false;
}

/** A condition that cannot be told yet, such as one of a loop's items, skips nothing. */
function isSkipped(task: Task, scope: Scope): boolean {
  try {
    return !holds(task, scope);
  } catch {
    return false;
  }
}

function reportRole(context: HostContext, task: Task, role: RoleContext, outcome: Outcome): void {
  const named = {
    ...task,
    name: { kind: "literal", value: `check the variables of role ${role.name}` },
  } as const;
  const reported = { task: named, pass: undefined, handler: false, delegatedTo: undefined };
  const rest = { rescued: false, startedMs: performance.now(), attempts: 1, notified: [] };
  reportFinished(context, reported, outcome, rest);
}
