import type { Node } from "./playbook.ts";

/** Variables that tasks set on a host while they run; "any" where only the run tells which. */
export function namesSetBy(nodes: readonly Node[]): readonly string[] | "any" {
  const names: string[] = [];
  for (const node of nodes) {
    const set =
      node.kind === "block" ? namesSetBy([...node.block, ...node.rescue, ...node.always]) : setByNode(node);
    if (set === "any") return "any";
    names.push(...set);
  }
  return names;
}

function setByNode(node: Exclude<Node, { kind: "block" }>): readonly string[] | "any" {
  if (node.kind === "include" || node.module === "include_vars") return "any";
  const names = node.register === undefined ? [] : [node.register];
  if (node.module === "set_fact") names.push(...node.parameters.map(({ key }) => key));
  if (node.module === "meta") names.push("ansible_facts");
  return names;
}
