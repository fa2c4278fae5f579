import type { Include, Node, Task } from "./playbook.ts";

/** All tasks and includes below, those of rescue and always parts too. */
export function leavesOf(nodes: readonly Node[]): (Task | Include)[] {
  return nodes.flatMap((node) =>
    node.kind === "block" ? leavesOf([...node.block, ...node.rescue, ...node.always]) : [node],
  );
}
