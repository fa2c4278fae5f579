import type { Include, Node, Task } from "./playbook.ts";

/** All tasks and includes below, those of rescue and always parts too, and those inside of includes where they are known. */
export function leavesOf(nodes: readonly Node[]): (Task | Include)[] {
  return nodes.flatMap((node) => {
    if (node.kind === "block") return leavesOf([...node.block, ...node.rescue, ...node.always]);
    return node.kind === "include" ? [node, ...leavesOf(node.inside ?? [])] : [node];
  });
}
