import type { Value } from "../variables/value.ts";
import type { Loop } from "./playbook.ts";

/** What the tasks of one pass of a loop see: the item, its index, and Ansible's `ansible_loop`. */
export function loopVariables(
  loop: Pick<Loop, "variable" | "indexVariable">,
  value: Value,
  index: number,
  length: number,
): Record<string, Value> {
  return {
    [loop.variable]: value,
    ...(loop.indexVariable === undefined ? {} : { [loop.indexVariable]: index }),
    ansible_loop: {
      index: index + 1,
      index0: index,
      first: index === 0,
      last: index === length - 1,
      length,
    },
  };
}
