import type { Value } from "../variables/value.ts";
import type { Loop } from "./playbook.ts";

/** What the tasks of one pass of a loop see: the item, its index, and Ansible's `ansible_loop`. */
export function loopVariables(
  loop: Pick<Loop, "variable" | "indexVariable" | "extended">,
  items: readonly Value[],
  index: number,
): Record<string, Value> {
  const { length } = items;
  return {
    [loop.variable]: items[index] ?? null,
    ...(loop.indexVariable === undefined ? {} : { [loop.indexVariable]: index }),
    ansible_loop: {
      index: index + 1,
      index0: index,
      first: index === 0,
      last: index === length - 1,
      length,
      ...(loop.extended === "no" ? {} : extended(items, index)),
      ...(loop.extended === "yes" ? { allitems: [...items] } : {}),
    },
    ansible_loop_var: loop.variable,
    ...(loop.indexVariable === undefined ? {} : { ansible_index_var: loop.indexVariable }),
  };
}

/** What `extended: true` adds: the way to the end, and the neighbours, where there are any. */
function extended(items: readonly Value[], index: number): Record<string, Value> {
  const previous = items[index - 1];
  const next = items[index + 1];
  return {
    revindex: items.length - index,
    revindex0: items.length - index - 1,
    ...(previous === undefined ? {} : { previtem: previous }),
    ...(next === undefined ? {} : { nextitem: next }),
  };
}
