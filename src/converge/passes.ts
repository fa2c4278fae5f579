import { inputError } from "../diagnostics/diagnostic.ts";
import { loopVariables } from "../playbook/loop-variables.ts";
import type { Task } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import { childScope } from "./host-variables.ts";

/** One pass of a task: the whole task, or one item of its loop. */
export interface Pass {
  scope: Scope;
  item?: { index: number; label: string; value: Value };
}

/** Names a pass of a task on one host. */
export const passKey = (task: Task, pass: Pass): string => `${task.id}#${pass.item?.index ?? ""}`;

/**
 * The passes of a task: one without a loop, otherwise one an item.
 *
 * @throws DiagnosticsError when the loop is not a list; PendingVariable.
 */
export function passesOf(task: Task, scope: Scope): Pass[] {
  const { loop } = task;
  if (loop === undefined) return [{ scope }];
  const items = evaluate(loop.items, scope);
  if (!Array.isArray(items)) {
    throw inputError("wrong-type", `\`loop\` needs a list, but this is ${describe(items)}`, {
      ...(loop.items.at === undefined ? {} : { at: loop.items.at }),
      expected: "a list, or a template that gives one",
      hint: "for the entries of a mapping write `loop: !expr items(name)`",
    });
  }
  return items.map((value, index) => {
    const variables = loopVariables(loop, items, index);
    const itemScope = childScope(scope, variables);
    const label = loop.label === undefined ? value : evaluate(loop.label, itemScope);
    return { scope: itemScope, item: { index, label: labelText(label), value } };
  });
}

function labelText(label: Value): string {
  if (typeof label === "string") return label;
  if (typeof label === "object" && label !== null && !Array.isArray(label)) {
    const name = label["name"] ?? label["path"] ?? label["key"];
    if (typeof name === "string" || typeof name === "number") return String(name);
  }
  return JSON.stringify(label);
}

function describe(value: Value): string {
  if (value === null) return "empty";
  return typeof value === "object" ? "a mapping" : `${typeof value} ${JSON.stringify(value)}`;
}
