import { type Diagnostic, DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { RoleContext, Task } from "../playbook/playbook.ts";
import { checkRoleVariables } from "../playbook/role-variables.ts";
import type { HostContext } from "./host-context.ts";
import { reportFinished } from "./report-task.ts";
import { type Outcome, outcomeOfError } from "./task-result.ts";

/**
 * Checks the variables of the task's role against the role's specification, once a host, before its first task.
 *
 * @returns whether they are right; if not, that has been reported as a failure of the task.
 */
export function checkRole(context: HostContext, task: Task): boolean {
  const { role } = task;
  if (role?.specification === undefined || context.checkedRoles.has(role)) return true;
  context.checkedRoles.add(role);
  let diagnostics: Diagnostic[];
  try {
    diagnostics = checkRoleVariables(role.specification, context.variables.scopeOf(task));
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

function reportRole(context: HostContext, task: Task, role: RoleContext, outcome: Outcome): void {
  const named = {
    ...task,
    name: { kind: "literal", value: `check the variables of role ${role.name}` },
  } as const;
  const reported = { task: named, pass: undefined, handler: false, delegatedTo: undefined };
  const rest = { rescued: false, startedMs: Date.now(), attempts: 1, notified: [] };
  reportFinished(context, reported, outcome, rest);
}
