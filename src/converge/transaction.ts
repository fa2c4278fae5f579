import { NOTHING_INHERITED } from "../playbook/load-context.ts";
import type { Block, Task } from "../playbook/playbook.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";
import type { HostContext } from "./host-context.ts";
import type { TaskUser } from "./host-session.ts";
import { transactionScript } from "./host-state.ts";
import { HostStateError } from "./host-state-error.ts";
import type { Journal } from "./keep-script.ts";
import { runTask } from "./run-task.ts";

/** Where a block with `transaction: true` began on a host. */
export interface Transaction {
  /** The number of the last thing that was kept before it. */
  since: number;
  /** Handlers that were to be done already. */
  pending: readonly string[];
}

/** It is written down on the host, so that the next run knows of it when this one is killed in it. One inside of another is a part of that. */
export async function beginTransaction({ session, transactions }: HostContext): Promise<Transaction> {
  const { journal, lastNumber: since } = session;
  if (transactions.depth === 0 && journal !== undefined) {
    const open = {
      runId: journal.runId,
      session: journal.session,
      since,
      pending: session.handlers.pending.length,
    };
    const written = await session.run(transactionScript(open, session.stateSuffix), session.stateUser);
    if (written.exitCode !== 0)
      throw new HostStateError(
        `the transaction could not be written down: ${written.stderr.toString().trim()}`,
        "nothing was changed in it; make room on the host and run again",
      );
  }
  transactions.depth += 1;
  return { since: session.lastNumber, pending: [...session.handlers.pending] };
}

/** It has come to its end, whatever that was. Not when the host can't be reached any more, or the run is interrupted. */
export async function endTransaction({ session, transactions }: HostContext): Promise<void> {
  transactions.depth -= 1;
  if (transactions.depth === 0 && session.journal !== undefined)
    await session.run(transactionScript(undefined, session.stateSuffix), session.stateUser);
}

/**
 * Undoes a transaction that an earlier run had begun on the host and that was cut off in the middle. What other users than the one who keeps the host's state have replaced in it
 * is told of, and stays.
 *
 * @returns whether all of it was put back.
 */
export async function undoInterrupted(context: HostContext): Promise<boolean> {
  const { session, play } = context;
  const open = session.takeInterruptedTransaction();
  if (open === undefined) return true;
  const { stateUser: as } = session;
  const user: TaskUser =
    as.kind === "login"
      ? { become: false, becomeUser: "root", becomeMethod: "sudo" }
      : { become: true, becomeUser: as.user, becomeMethod: as.method };
  if (context.options.checkMode) {
    const message = `the run ${open.runId} was cut off in the middle of a transaction here: a run undoes it first`;
    context.emit({ type: "warning", host: context.host, message });
    return true;
  }
  const journal = { runId: open.runId, session: open.session };
  const id = `${context.host}:interrupted transaction`;
  const task = undoTask(
    { id, at: play.at, title: ` that the run ${open.runId} had begun` },
    journal,
    open.since,
    user,
  );
  const end = await runTask(context, task, {
    upcoming: { tasks: [task], position: 0 },
    following: () => [],
    rescued: false,
    handler: true,
  });
  if (!end.failed) await session.handlers.forget(session.handlers.pending.slice(open.pending));
  await session.run(transactionScript(undefined, session.stateSuffix), as);
  return !end.failed;
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
    const name = block.name?.kind === "literal" ? ` ${String(block.name.value)}` : "";
    const task = undoTask({ id: block.id, at: block.at, title: name }, session.journal, since, user);
    const upcoming = { tasks: [task], position: 0 };
    const end = await runTask(context, task, {
      upcoming,
      following: () => [],
      rescued: false,
      handler: true,
    });
    if (end.failed) complete = false;
  }
  if (!complete) return;
  await session.handlers.forget(session.handlers.pending.filter((handler) => !pending.includes(handler)));
}

function undoTask(
  { id, at, title }: { id: string; at: Block["at"]; title: string },
  journal: Pick<Journal, "runId" | "session">,
  since: number,
  user: TaskUser,
): Task {
  const literal = (value: Value): Templated => ({ kind: "literal", value, at });
  return {
    kind: "task",
    id: `${id}:undo:${user.become ? user.becomeUser : ""}`,
    name: literal(`undo the transaction${title}`),
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
