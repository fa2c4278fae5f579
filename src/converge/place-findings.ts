import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { ParameterFinding } from "../modules/module.ts";
import { parameterPosition } from "../playbook/parameter-position.ts";
import type { Task } from "../playbook/playbook.ts";
import type { Scope } from "../variables/scope.ts";

/** What a module finds wrong in its parameters, at the lines where they stand: in the task, or in the variables that they came from. */
export function diagnosticsOf(
  findings: readonly ParameterFinding[],
  severity: Diagnostic["severity"],
  task: Task,
  scope: Scope,
): Diagnostic[] {
  return findings.map(({ path, message, hint, ofKey }) => ({
    severity,
    code: "refused-configuration",
    message,
    at: parameterPosition(task, path, { scope, ofKey: ofKey === true }),
    ...(hint === undefined ? {} : { hint }),
  }));
}
