import { loopVariables } from "../playbook/loop-variables.ts";
import type { IncludePass, Task } from "../playbook/playbook.ts";
import { evaluate, literalOf } from "../variables/evaluate.ts";
import { createScope } from "../variables/host-scope.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";

/** A name, in a pass of the task's loop. */
export interface WrittenName {
  value: Value;
  /** Undefined without a loop. */
  pass: IncludePass | undefined;
}

/** What a value of a task comes to, where that is written out, or made of items of its loop that are; undefined where only a host tells. */
export function writtenNames(templated: Templated, task: Task): WrittenName[] | undefined {
  const written = literalOf(templated);
  if (written !== undefined) return [{ value: written, pass: passOf(task) }];
  const items = task.loop === undefined ? undefined : literalOf(task.loop.items);
  if (task.loop === undefined || !Array.isArray(items)) return undefined;
  const { loop } = task;
  const names = templated.kind === "text" ? templated.template.names : [];
  const all = items.map((_, index) => {
    const pass = passWith(loopVariables(loop, items, index), index);
    if (names.length === 0 || !names.every((name) => pass.variables.has(name))) return undefined;
    const scope = createScope({ layers: [{ level: "loop", variables: pass.variables }] });
    return { value: evaluate(templated, scope), pass };
  });
  return all.every((one) => one !== undefined) ? all : undefined;
}

/** A pass of a loop whose items nobody knows: the names that it gives count. */
function passOf({ loop }: Task): IncludePass | undefined {
  if (loop === undefined) return undefined;
  return passWith(loopVariables(loop, [null], 0), 0);
}

function passWith(values: Readonly<Record<string, Value>>, index: number): IncludePass {
  const variables = Object.entries(values).map(
    ([name, value]) => [name, { value: { kind: "literal" as const, value } }] as const,
  );
  return { index, variables: new Map(variables) };
}
