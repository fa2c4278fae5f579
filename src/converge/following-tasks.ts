import type { Block, Node, Task } from "../playbook/playbook.ts";

/** What is imported, or stands in a block that says nothing of failures, is as if it stood where the block stands. */
export function isPlain({ rescue, always, transaction }: Block): boolean {
  return rescue.length === 0 && always.length === 0 && !transaction;
}

/**
 * The tasks in front of the first include, or of the first block that says what happens when they fail.
 *
 * @returns whether there is neither.
 */
export function* tasksAtHead(nodes: readonly Node[], from: number): Generator<Task, boolean> {
  for (let index = from; index < nodes.length; index++) {
    const node = nodes[index];
    if (node?.kind === "task") yield node;
    else if (node?.kind !== "block" || !isPlain(node)) return false;
    else if (!(yield* tasksAtHead(node.block, 0))) return false;
  }
  return true;
}
