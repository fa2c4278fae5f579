import { ModuleFailure } from "../modules/module.ts";
import type { Task } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { HostContext } from "./host-context.ts";

/**
 * The name under which a handler is remembered on the host: its role and its name, so that it means the same in the next run, and two roles
 * may each have a "restart". Of a name with a template in it, the text as it is written.
 */
export function handlerId(handler: Task): string {
  const { name } = handler;
  const written =
    name?.kind === "literal"
      ? String(name.value)
      : name?.kind === "text"
        ? name.template.source
        : handler.module;
  return (handler.role === undefined ? written : `${handler.role.name} : ${written}`).replaceAll("\n", " ");
}

/**
 * Which handlers a task notifies: by name (of its own role first), by `role : name`, or by a topic they listen to.
 *
 * @throws ModuleFailure when there is no such handler: a change that nobody acts upon is worse than none.
 */
export function handlersNotifiedBy(context: HostContext, task: Task, scope: Scope): string[] {
  const names = task.notify.flatMap((name) => {
    const value = evaluate(name, scope);
    return Array.isArray(value) ? value.map(String) : [String(value)];
  });
  return [...new Set(names.flatMap((name) => handlersNamed(context.play.handlers, task, name)))];
}

function handlersNamed(handlers: readonly Task[], task: Task, name: string): string[] {
  const listening = handlers.filter((handler) => handler.listen.includes(name));
  const named =
    handlers.find((handler) => handler.role?.path === task.role?.path && plainName(handler) === name) ??
    handlers.find((handler) => handlerId(handler) === name) ??
    handlers.find((handler) => plainName(handler) === name);
  const found = named === undefined ? listening : [...listening, named];
  if (found.length === 0) {
    throw new ModuleFailure(`it notifies the handler \`${name}\`, and this play has no such handler`, {
      hint: `handlers of this play: ${handlers.map(handlerId).join(", ") || "none"}`,
    });
  }
  return found.map(handlerId);
}

function plainName(handler: Task): string | undefined {
  return handler.name?.kind === "literal" ? String(handler.name.value) : undefined;
}
