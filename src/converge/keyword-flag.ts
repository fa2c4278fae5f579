import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Task } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import { PendingVariable, type Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";

/**
 * Whether a keyword that is true or false is true here; one that is not given is not. One that can't be evaluated is not either: the task has failed of it
 * already (`requireFlags`), and this may be asked where nothing else can fail any more.
 */
export function isOn(flag: Templated | undefined, scope: Scope, otherwise = false): boolean {
  if (flag === undefined) return false;
  try {
    return evaluate(flag, scope) === true;
  } catch (error) {
    if (error instanceof DiagnosticsError || error instanceof PendingVariable) return otherwise;
    throw error;
  }
}

/**
 * Evaluates the keywords that have their say when a task is over, so that what is wrong with them is found before it has done anything.
 *
 * @throws DiagnosticsError, PendingVariable
 */
export function requireFlags({ keywords }: Pick<Task, "keywords">, scope: Scope): void {
  const { noLog, ignoreErrors, ignoreUnreachable, anyErrorsFatal, delegateFacts } = keywords;
  for (const flag of [noLog, ignoreErrors, ignoreUnreachable, anyErrorsFatal, delegateFacts]) {
    if (flag !== undefined) evaluate(flag, scope);
  }
}
