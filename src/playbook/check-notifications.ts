import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import { leavesOf } from "./leaves.ts";
import type { LoadState } from "./load-context.ts";
import type { Section, Task } from "./playbook.ts";

/** A change that nobody acts upon is worse than none: handlers that do not exist are found before any host is touched. */
export function checkNotifications(
  state: LoadState,
  sections: readonly Section[],
  handlers: readonly Task[],
): void {
  const leaves = leavesOf(sections.flatMap((section) => section.nodes));
  // A role that is included by a name which only a host tells may bring any handler.
  if (leaves.some((node) => node.kind === "include" && node.task.module === "include_role")) return;
  const tasks = leaves.map((node) => (node.kind === "include" ? node.task : node));
  const names = new Set(handlers.flatMap(namesOf));
  const patterns = handlers.flatMap(patternOf);
  for (const task of [...tasks, ...handlers]) {
    for (const notified of task.notify) {
      const literal = literalOf(notified);
      if (literal === undefined) continue;
      const name = String(literal);
      if (names.has(name) || patterns.some((pattern) => pattern.test(name))) continue;
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
  const literal = handler.name === undefined ? undefined : literalOf(handler.name);
  if (literal === undefined) return [...handler.listen];
  const name = String(literal);
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
