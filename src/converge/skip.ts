import type { Task } from "../playbook/playbook.ts";
import type { Scope } from "../variables/scope.ts";
import type { Outcome } from "./task-result.ts";

/** Whether all conditions of a task hold. */
export function holds(task: Pick<Task, "keywords">, scope: Scope): boolean {
  return task.keywords.when.every((condition) => condition.expression.evaluate(scope) === true);
}

/** The outcome of a task whose conditions do not hold: it names the first of them. */
export function skipped(task: Pick<Task, "keywords">, scope: Scope): Outcome {
  const failing = task.keywords.when.find(({ expression }) => expression.evaluate(scope) !== true);
  return {
    status: "skipped",
    message: `when: ${failing?.expression.source ?? "false"}`,
    differences: [],
    data: {},
    facts: {},
  };
}
