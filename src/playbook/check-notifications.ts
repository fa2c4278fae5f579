import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { LoadState } from "./load-context.ts";
import type { Node, Section, Task } from "./playbook.ts";

/** A change that nobody acts upon is worse than none: handlers that do not exist are found before any host is touched. */
export function checkNotifications(
  state: LoadState,
  sections: readonly Section[],
  handlers: readonly Task[],
): void {
  const nodes = sections.flatMap((section) => section.nodes);
  // A role that is included by a name which only a host tells may bring any handler.
  if (includesOf(nodes).some(({ task }) => task.module === "include_role")) return;
  const names = new Set(handlers.flatMap(namesOf));
  const patterns = handlers.flatMap(patternOf);
  for (const task of [...tasksOf(nodes), ...handlers]) {
    for (const notified of task.notify) {
      const name = literalOf(notified);
      if (typeof name !== "string" || names.has(name) || patterns.some((pattern) => pattern.test(name)))
        continue;
      const meant = didYouMean(name, names);
      state.problems.push({
        severity: "error",
        code: "unknown-handler",
        message: `this play has no handler \`${name}\``,
        at: notified.at ?? task.at,
        hint:
          meant === undefined
            ? `its handlers: ${[...names].join(", ") || "none"}`
            : `did you mean \`${meant}\`?`,
      });
    }
  }
}

function namesOf(handler: Task): string[] {
  const name = handler.name === undefined ? undefined : literalOf(handler.name);
  if (typeof name !== "string") return [...handler.listen];
  return [name, ...(handler.role === undefined ? [] : [`${handler.role.name} : ${name}`]), ...handler.listen];
}

/** What the name of a handler with a template in it may come to. */
function patternOf({ name }: Task): RegExp[] {
  if (name?.kind !== "text") return [];
  const parts = name.template.source
    .split(/\{\{.*?\}\}/s)
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return [new RegExp(`^${parts.join(".*")}$`, "s")];
}

/** All tasks below, those of rescue and always parts too. */
export function tasksOf(nodes: readonly Node[]): Task[] {
  return nodes.flatMap((node) => {
    if (node.kind === "task") return [node];
    return node.kind === "block" ? tasksOf([...node.block, ...node.rescue, ...node.always]) : [node.task];
  });
}

function includesOf(nodes: readonly Node[]): Extract<Node, { kind: "include" }>[] {
  return nodes.flatMap((node) => {
    if (node.kind === "include") return [node];
    return node.kind === "block" ? includesOf([...node.block, ...node.rescue, ...node.always]) : [];
  });
}
