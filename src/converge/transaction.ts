import { NOTHING_INHERITED } from "../playbook/load-context.ts";
import type { Block, Task } from "../playbook/playbook.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";
import type { HostContext } from "./host-context.ts";
import type { TaskUser } from "./host-session.ts";
import type { Journal } from "./keep-script.ts";
import { runTask } from "./run-task.ts";

/** Where a block with `transaction: true` began on a host. */
export interface Transaction {
  /** The number of the last thing that was kept before it. */
  since: number;
  /** Handlers that were to be done already. */
  pending: readonly string[];
}

export function beginTransaction({ session }: HostContext): Transaction {
  return { since: session.lastNumber, pending: [...session.pendingHandlers] };
}

/**
 * Puts back what the tasks of a block, and the handlers that ran in it, have replaced on the host. Handlers that were notified in it and have not run have nothing to do
 * any more. It is told as a task of its own, and counts as failed when something can't be put back; then handlers stay to be done.
 */
export async function undoTransaction(
  context: HostContext,
  block: Block,
  { since, pending }: Transaction,
): Promise<void> {
  const { session } = context;
  if (session.lastNumber === since || session.journal === undefined) return;
  let complete = true;
  for (const user of session.keptAs) {
    const task = undoTask(block, session.journal, since, user);
    const upcoming = { tasks: [task], position: 0 };
    const end = await runTask(context, task, { upcoming, rescued: false, handler: true });
    if (end.failed) complete = false;
  }
  if (!complete) return;
  await session.forgetHandlers(session.pendingHandlers.filter((handler) => !pending.includes(handler)));
}

function undoTask(block: Block, journal: Journal, since: number, user: TaskUser): Task {
  const { at } = block;
  const literal = (value: Value): Templated => ({ kind: "literal", value, at });
  const name = block.name?.kind === "literal" ? ` ${String(block.name.value)}` : "";
  return {
    kind: "task",
    id: `${block.id}:undo:${user.become ? user.becomeUser : ""}`,
    name: literal(`undo the transaction${name}`),
    module: "rollback",
    parameters: [
      { key: "run", keyAt: at, value: literal(journal.runId) },
      { key: "session", keyAt: at, value: literal(journal.session) },
      { key: "since", keyAt: at, value: literal(since) },
    ],
    keywords: {
      ...NOTHING_INHERITED,
      become: literal(user.become),
      becomeUser: literal(user.becomeUser),
      becomeMethod: user.becomeMethod,
    },
    notify: [],
    listen: [],
    at,
  };
}
