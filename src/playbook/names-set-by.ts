import type { Node, Task } from "./playbook.ts";

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
  return node.module === "meta" ? [...namesSetByTask(node), "ansible_facts"] : namesSetByTask(node);
}

/** Modules that add to what is known as `ansible_facts`. */
const GATHERING: ReadonlySet<string> = new Set(["getent", "package_facts", "service_facts", "setup"]);

/** Variables that one task sets, as far as its text tells. */
export function namesSetByTask(task: Pick<Task, "register" | "module" | "parameters">): string[] {
  const names = task.register === undefined ? [] : [task.register];
  if (task.module === "set_fact") names.push(...task.parameters.map(({ key }) => key));
  if (GATHERING.has(task.module)) names.push("ansible_facts");
  return names;
}
