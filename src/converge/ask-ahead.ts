import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { Node, Task } from "../playbook/playbook.ts";
import { PendingVariable, type Scope } from "../variables/scope.ts";
import type { AddressedQuery } from "./answers.ts";
import { ask } from "./ask.ts";
import type { HostContext } from "./host-context.ts";
import { type Pass, passesOf } from "./passes.ts";
import { type Prepared, prepare } from "./prepare.ts";

/**
 * Which tasks come after a task, as far as can be known: `always` parts are, `rescue` parts are not.
 */
export interface Upcoming {
  tasks: readonly Task[];
  /** Index in `tasks` of the task whose turn it is. */
  position: number;
}

/** As many tasks as there are: nothing has changed yet, so whatever is asked now will still be true. */
export const LOOK_AHEAD_ALL = Number.MAX_SAFE_INTEGER;
/**
 * After a change the next tasks probably change something too, and asking for all of them each time would be in vain: look two tasks ahead, and
 * four times as far whenever that was not far enough. So round trips grow with the changes, and with the logarithm of what is unchanged.
 */
export const LOOK_AHEAD_AFTER_CHANGE = 2;
export const LOOK_AHEAD_GROWTH = 4;

/** The tasks of a section in the order in which they run if nothing fails. */
export function tasksInOrder(nodes: readonly Node[]): Task[] {
  return nodes.flatMap((node) =>
    node.kind === "task" ? [node] : [...tasksInOrder(node.block), ...tasksInOrder(node.always)],
  );
}

/**
 * Asks what a pass needs, together with what the tasks after it will need.
 *
 * @param first the pass whose turn it is, already prepared.
 */
export async function askAhead(context: HostContext, first: Prepared, upcoming: Upcoming): Promise<void> {
  const questions = [...first.queries.values()];
  const end = Math.min(upcoming.tasks.length, upcoming.position + 1 + context.lookahead);
  questions.push(...(await questionsOf(context, upcoming.tasks.slice(upcoming.position, end))));
  context.lookahead = Math.min(context.lookahead * LOOK_AHEAD_GROWTH, LOOK_AHEAD_ALL);
  await ask(context.session, questions);
}

/** What the tasks will ask, as far as their parameters are known before any of them has run. */
export async function questionsOf(context: HostContext, tasks: readonly Task[]): Promise<AddressedQuery[]> {
  const pending = new Set<string>();
  const questions: AddressedQuery[] = [];
  for (const task of tasks) {
    questions.push(...(await questionsOfTask(context, task, new Set(pending))));
    for (const name of namesSetBy(task)) pending.add(name);
  }
  return questions;
}

async function questionsOfTask(
  context: HostContext,
  task: Task,
  pending: ReadonlySet<string>,
): Promise<AddressedQuery[]> {
  if (task.keywords.delegateTo !== undefined || task.keywords.runOnce === true) return [];
  if (task.module === "meta" || !context.options.selects(task)) return [];
  try {
    const scope = context.variables.scopeOf(task, pending);
    const questions: AddressedQuery[] = [];
    for (const pass of passesOf(task, scope)) {
      if (!holds(task, pass.scope)) continue;
      const prepared = await preparePass(context, task, pass);
      questions.push(...prepared.queries.values());
    }
    return questions;
  } catch (error) {
    // What can't be known yet is asked when its turn comes, and what is wrong is told then.
    if (
      error instanceof PendingVariable ||
      error instanceof DiagnosticsError ||
      error instanceof ModuleFailure
    )
      return [];
    throw error;
  }
}

/** Prepares a pass once: what was prepared while looking ahead holds when its turn comes. */
export async function preparePass(context: HostContext, task: Task, pass: Pass): Promise<Prepared> {
  const key = `${task.id}#${pass.item?.index ?? ""}`;
  let prepared = context.prepared.get(key);
  if (prepared === undefined) {
    prepared = await prepare(context, context.session, task, pass.scope);
    context.prepared.set(key, prepared);
  }
  return prepared;
}

/** Whether all conditions of a task hold. */
export function holds(task: Task, scope: Scope): boolean {
  return task.keywords.when.every((condition) => condition.expression.evaluate(scope) === true);
}

function namesSetBy(task: Task): string[] {
  const names = task.register === undefined ? [] : [task.register];
  if (task.module === "set_fact") names.push(...task.parameters.map(({ key }) => key));
  return names;
}
