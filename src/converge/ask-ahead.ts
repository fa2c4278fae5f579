import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { ModuleFailure } from "../modules/module.ts";
import { namesSetByTask } from "../playbook/names-set-by.ts";
import type { Include, Node, Task } from "../playbook/playbook.ts";
import { literalOf } from "../variables/evaluate.ts";
import { PendingVariable } from "../variables/scope.ts";
import type { AddressedQuery } from "./answers.ts";
import { ask } from "./ask.ts";
import { expandInclude } from "./expand-include.ts";
import type { HostContext } from "./host-context.ts";
import { isSelected } from "./is-selected.ts";
import { type Pass, passesOf, passKey } from "./passes.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { holds } from "./skip.ts";

/**
 * Which tasks come after a task, as far as can be known: `always` parts are, `rescue` parts are not.
 */
export interface Upcoming {
  tasks: readonly (Task | Include)[];
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

/** The tasks of a section in the order in which they run if nothing fails. An include stands for what it will come to. */
export function tasksInOrder(nodes: readonly Node[]): (Task | Include)[] {
  return nodes.flatMap((node) =>
    node.kind === "block" ? [...tasksInOrder(node.block), ...tasksInOrder(node.always)] : [node],
  );
}

/**
 * Asks what a pass needs, together with what the tasks after it will need.
 *
 * @param first the pass whose turn it is, already prepared.
 */
export async function askAhead(
  context: HostContext,
  first: Prepared,
  upcoming: Upcoming,
  signal?: AbortSignal,
): Promise<void> {
  const questions = await questionsAhead(context, first, upcoming, context.lookahead);
  context.lookahead = Math.min(context.lookahead * LOOK_AHEAD_GROWTH, LOOK_AHEAD_ALL);
  await ask(context.session, questions, signal);
}

/** What a pass needs to know, and what so many tasks after it do. */
export async function questionsAhead(
  context: HostContext,
  first: Prepared,
  { tasks, position }: Upcoming,
  lookahead: number,
): Promise<AddressedQuery[]> {
  const end = Math.min(tasks.length, position + 1 + lookahead);
  return [...first.queries.values(), ...(await questionsOf(context, tasks.slice(position, end)))];
}

/** What the tasks will ask, as far as their parameters are known before any of them has run. */
export async function questionsOf(
  context: HostContext,
  tasks: readonly (Task | Include)[],
  pending = new Set<string>(),
): Promise<AddressedQuery[]> {
  const questions: AddressedQuery[] = [];
  for (const task of tasks) {
    if (task.kind === "include") {
      questions.push(...(await questionsOfInclude(context, task, pending)));
      continue;
    }
    questions.push(...(await questionsOfTask(context, task, new Set(pending))));
    for (const name of namesSetByTask(task)) pending.add(name);
  }
  return questions;
}

/** What the tasks of an include will ask, where its name is known already. */
async function questionsOfInclude(
  context: HostContext,
  include: Include,
  pending: Set<string>,
): Promise<AddressedQuery[]> {
  if (!isSelected(context, include)) return [];
  const nodes = await asFarAsKnown(() =>
    expandInclude(context, include, context.variables.scopeOf(include.task, new Set(pending))),
  );
  return questionsOf(context, tasksInOrder(nodes ?? []), pending);
}

async function questionsOfTask(
  context: HostContext,
  task: Task,
  pending: ReadonlySet<string>,
): Promise<AddressedQuery[]> {
  if (task.keywords.delegateTo !== undefined || mayRunOnce(task)) return [];
  if (task.module === "meta" || !context.options.selects(task)) return [];
  const questions = await asFarAsKnown(async () => {
    const scope = context.variables.scopeOf(task, pending);
    const found: AddressedQuery[] = [];
    for (const pass of passesOf(task, scope)) {
      if (!holds(task, pass.scope)) continue;
      const prepared = await preparePass(context, task, pass);
      found.push(...prepared.queries.values());
    }
    return found;
  });
  return questions ?? [];
}

/** What can't be known yet is asked when its turn comes, and what is wrong is told then. */
async function asFarAsKnown<Type>(look: () => Promise<Type>): Promise<Type | undefined> {
  try {
    return await look();
  } catch (error) {
    if (
      error instanceof PendingVariable ||
      error instanceof DiagnosticsError ||
      error instanceof ModuleFailure
    )
      return undefined;
    throw error;
  }
}

/** Prepares a pass once: what was prepared while looking ahead holds when its turn comes. */
export async function preparePass(context: HostContext, task: Task, pass: Pass): Promise<Prepared> {
  // Another host has set facts on this one.
  if (context.variables.takeGifts()) context.prepared.clear();
  const key = passKey(task, pass);
  let prepared = context.prepared.get(key);
  if (prepared === undefined || (prepared.isGuess && context.session.facts !== undefined)) {
    prepared = await prepare(context, context.session, task, pass.scope);
    context.prepared.set(key, prepared);
  }
  return prepared;
}

/** Whether only one host may do it: the others need not ask. */
function mayRunOnce({ keywords: { runOnce } }: Task): boolean {
  return runOnce !== undefined && literalOf(runOnce) !== false;
}
