import { isDeepStrictEqual } from "node:util";
import { leavesOf } from "../playbook/leaves.ts";
import type { Block, Include, Node, Task } from "../playbook/playbook.ts";
import { factsIn } from "../queries/fact-subsets.ts";
import { type Facts, FLEETING_FACTS, withoutFleeting } from "../queries/facts.ts";
import { TransportError } from "../transport/transport.ts";
import { ask } from "./ask.ts";
import { questionsOf, tasksInOrder, type Upcoming } from "./ask-ahead.ts";
import { tellOfUntold } from "./done-together.ts";
import type { HostUnreachable } from "./event.ts";
import { isPlain, tasksAtHead } from "./following-tasks.ts";
import { handlerId, handlersNotifiedBy } from "./handlers.ts";
import type { HostContext } from "./host-context.ts";
import { HostStateError } from "./host-state-error.ts";
import { Interrupted } from "./interrupted.ts";
import { isSelected } from "./is-selected.ts";
import { isOn } from "./keyword-flag.ts";
import { Places } from "./place.ts";
import { reached } from "./reached.ts";
import { checkRole } from "./role-check.ts";
import { expandAndReport } from "./run-include.ts";
import { runMeta } from "./run-meta.ts";
import { runTask } from "./run-task.ts";
import { type HostEnd, StopHost } from "./stop-host.ts";
import { beginTransaction, endTransaction, undoInterrupted, undoTransaction } from "./transaction.ts";
import { unlessStopped } from "./unless-stopped.ts";

/**
 * Runs a play on one host, from its first question to its last handler.
 *
 * Handlers that were notified before a failure still run: what they announce has happened.
 */
export async function convergeHost(context: HostContext): Promise<HostEnd> {
  const { play } = context;
  try {
    const tasks = play.sections.flatMap((section) => tasksInOrder(section.nodes));
    await firstTrip(context, tasks).catch((error: unknown) => goOnWithout(context, error));
    if (!(await undoInterrupted(context))) throw new StopHost("failed");
    const places = new Places();
    for (const [index, section] of play.sections.entries()) {
      places.add(section.nodes);
      await runNodes(context, section.nodes, { tasks, places, rescued: false, behind: () => [] });
      context.hooks.arrive(places.end());
      await flushHandlers(context, index === play.sections.length - 1);
    }
    return "ok";
  } catch (error) {
    tellOfUntold(context);
    return endOf(context, error);
  }
}

async function endOf(context: HostContext, error: unknown): Promise<HostEnd> {
  if (error instanceof TransportError) return reportUnreachable(context, error);
  if (error instanceof Interrupted) return "interrupted";
  if (error instanceof HostStateError) {
    reportUnusable(context, "locked", error.message, error.hint);
    return "failed";
  }
  if (!(error instanceof StopHost)) throw error;
  context.isFatal = error.fatal;
  if (error.end !== "failed" && error.end !== "ended") return error.end;
  try {
    await flushHandlers(context);
  } catch (second) {
    if (second instanceof TransportError) return reportUnreachable(context, second);
    if (second instanceof Interrupted) return "interrupted";
    if (!(second instanceof StopHost)) throw second;
    return second.end === "interrupted" ? "interrupted" : "failed";
  }
  return error.end === "ended" ? "ok" : error.end;
}

/** `ignore_unreachable` on the play: each task tries to reach the host again. */
function goOnWithout(context: HostContext, error: unknown): void {
  const { keywords } = context.play;
  const scope = context.variables.scopeOf({ keywords });
  if (!(error instanceof TransportError) || !isOn(keywords.ignoreUnreachable, scope)) throw error;
  const message = `it can't be reached, and \`ignore_unreachable\` says to go on: ${error.message}`;
  context.emit({ type: "warning", host: context.host, message: context.secrets.redact(message) });
}

function reportUnreachable(context: HostContext, error: TransportError): HostEnd {
  reportUnusable(context, error.code, error.message, error.hint);
  return "unreachable";
}

function reportUnusable(
  context: HostContext,
  code: HostUnreachable["code"],
  message: string,
  hint: string | undefined,
): void {
  context.emit({
    type: "host-unreachable",
    host: context.host,
    code,
    message: context.secrets.redact(message),
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * The lock, the facts and everything that can be asked before anything is known travel together: one round trip.
 */
async function firstTrip(context: HostContext, tasks: Upcoming["tasks"]): Promise<void> {
  const { play, variables } = context;
  const known = context.session.facts;
  const isPending = play.gatherFacts && known === undefined;
  if (isPending) variables.awaitFacts();
  const { address } = context.session;
  const expected = isPending ? context.hooks.expectedFacts(address) : undefined;
  // What to ask is found out while the connection is being made.
  const questions = context.hooks
    .breather()
    .then(() =>
      expected === undefined
        ? questionsOf(context, tasks, new Set(isPending ? ["ansible_facts"] : []))
        : questionsOf(withExpectedFacts(context, expected), tasks),
    );
  questions.catch(() => undefined);
  const session = await context.connected;
  await questions.catch(() => undefined);
  context.session = session;
  const begun = session.begin();
  const refreshed = play.gatherFacts && known !== undefined ? session.refreshFacts() : Promise.resolve(false);
  // The questions go out on the heels of the lock, not after its answer; so nothing may be awaited on the network in between.
  const asked = questions.then((all) => ask(session, all));
  const { stopping } = context.hooks;
  const [locked, answered, changed] = await unlessStopped(
    stopping,
    Promise.allSettled([begun, asked, refreshed]),
  );
  if (locked.status === "rejected") throw locked.reason;
  if (answered.status === "rejected") throw answered.reason;
  if (changed.status === "rejected") throw changed.reason;
  if (!play.gatherFacts) return;
  const facts = session.facts ?? {};
  variables.setFacts(factsIn(facts, play.gatherSubset));
  const isOtherwise = expected !== undefined && !isDeepStrictEqual(withoutFleeting(facts), expected);
  // What was looked at with other facts counts no more.
  if (isOtherwise || changed.value || variables.wereFactsMissed) context.prepared.clear();
  if (isPending) await context.hooks.keepFacts(address, facts, expected);
}

/**
 * The host as it probably is: what its tasks ask depends on its facts here and there, and would take a trip of its own if it had to wait for them. Whatever was found out
 * with facts that turn out to be others is thrown away.
 */
function withExpectedFacts(context: HostContext, expected: Facts): HostContext {
  const facts = factsIn(expected, context.play.gatherSubset);
  const variables = context.variables.withExpectedFacts(facts, FLEETING_FACTS);
  return { ...context, variables, expectedFacts: expected };
}

interface Surroundings {
  /** All tasks of the play, or of the rescue part that is under way, in order. */
  tasks: Upcoming["tasks"];
  places: Places;
  rescued: boolean;
  /** The tasks that follow directly when all is done here. */
  behind(): Iterable<Task>;
}

/** @throws StopHost when a task fails and nothing rescues it. */
async function runNodes(context: HostContext, nodes: readonly Node[], around: Surroundings): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const behind = function* (): Generator<Task> {
      if (yield* tasksAtHead(nodes, index + 1)) yield* around.behind();
    };
    if (node.kind === "block")
      await runBlock(context, node, { ...around, behind: isPlain(node) ? behind : () => [] });
    else if (node.kind === "include") await runInclude(context, node, around);
    else await runOne(context, node, behind, around);
  }
}

async function runBlock(context: HostContext, block: Block, around: Surroundings): Promise<void> {
  // A rescue of which `--tags` leaves nothing rescues nobody.
  const hasRescue = leavesOf(block.rescue).some((leaf) =>
    leaf.kind === "include" ? isSelected(context, leaf) : context.options.selects(leaf),
  );
  const rescued = around.rescued || hasRescue;
  const isTransaction = block.transaction && !context.options.checkMode;
  const transaction = isTransaction ? await beginTransaction(context) : undefined;
  try {
    await runNodes(context, block.block, { ...around, rescued });
    if (transaction !== undefined) await endTransaction(context);
  } catch (error) {
    if (transaction !== undefined && isFailure(error)) {
      await undoTransaction(context, block, transaction);
      await endTransaction(context);
    } else if (transaction !== undefined && error instanceof StopHost && error.end === "ended")
      await endTransaction(context);
    if (!isFailure(error) || !hasRescue) return await afterwards(context, block, around, error);
    tellOfFailure(context);
    const tasks = tasksInOrder(block.rescue);
    try {
      await runNodes(context, block.rescue, { ...around, tasks });
    } catch (second) {
      return await afterwards(context, block, around, second);
    }
  }
  await runNodes(context, block.always, around);
}

function isFailure(error: unknown): error is StopHost {
  return error instanceof StopHost && error.end === "failed";
}

/** `always` is for failures too; not for a host that can't be reached any more, or whose play has been ended. @throws what it was given */
async function afterwards(
  context: HostContext,
  block: Block,
  around: Surroundings,
  error: unknown,
): Promise<never> {
  if (isFailure(error) && !context.isStopping()) {
    tellOfFailure(context);
    await runNodes(context, block.always, around);
  }
  throw error;
}

/** What `rescue` and `always` see of the task that failed: Ansible's names. */
function tellOfFailure({ lastFailure, variables, prepared }: HostContext): void {
  if (lastFailure === undefined) return;
  const { task, name, result } = lastFailure;
  variables.set("ansible_failed_task", {
    name,
    action: task.module,
    file: task.at.file,
    line: task.at.line,
    role: task.role?.name ?? null,
  });
  variables.set("ansible_failed_result", result);
  prepared.clear();
}

/** What is included takes the place of the include among the tasks to come. */
async function runInclude(context: HostContext, include: Include, around: Surroundings): Promise<void> {
  refuseToGoOn(context);
  const { task } = include;
  if (!isSelected(context, include) || hasEnded(context, task)) return;
  const place = around.places.of(include);
  context.hooks.arrive(place);
  if (task.module !== "block" && !(await context.hooks.wants(task))) return;
  const nodes = await expandAndReport(context, include, around.rescued);
  if (nodes === undefined) throw failed(context, task);
  const rest = around.tasks.slice(around.tasks.indexOf(include) + 1);
  const places = new Places(place).add(nodes);
  await runNodes(context, nodes, { ...around, places, tasks: [...tasksInOrder(nodes), ...rest] });
}

async function runOne(
  context: HostContext,
  task: Task,
  following: () => Iterable<Task>,
  around: Surroundings,
): Promise<void> {
  refuseToGoOn(context);
  if (!context.options.selects(task) || hasEnded(context, task)) return;
  context.hooks.arrive(around.places.of(task));
  if (!(await context.hooks.wants(task))) return;
  const position = around.tasks.indexOf(task);
  await reached(context, task, async () => {
    if (task.module === "meta") {
      if (await runMeta(context, task, around.rescued, () => flushHandlers(context))) return;
      throw failed(context, task);
    }
    if (!checkRole(context, task)) throw failed(context, task);
    const upcoming: Upcoming = { tasks: around.tasks, position };
    const place = { upcoming, following, rescued: around.rescued, handler: false };
    const end = await runTask(context, task, place);
    noteTurn(context, task);
    if (!end.failed) return;
    // Of a loop, what failed is the whole of it.
    if (context.lastFailure?.task === task) context.lastFailure.result = end.registered;
    throw failed(context, task);
  });
}

/**
 * A handler that an earlier run left waits for a task that notifies it, whatever that task finds to do now: then everything is there that the handler needs. At the first
 * chance it would reload a service which is not installed yet.
 */
function noteTurn(context: HostContext, task: Task): void {
  if (context.session.handlers.leftOver.length === 0 || task.notify.length === 0) return;
  try {
    for (const id of handlersNotifiedBy(context, task, context.variables.scopeOf(task)))
      context.dueAgain.add(id);
  } catch {
    // The names depend on an item of its loop: then they are done at the end of the play.
  }
}

/** @throws StopHost when the run is being stopped, or somebody has ended the play. */
function refuseToGoOn(context: HostContext): void {
  if (context.isStopping()) throw new StopHost("interrupted");
  // What has been done already is told first.
  if (context.doneAhead.size === 0 && context.hooks.isEnded()) throw new StopHost("ended");
}

/** Whether the task is of a role that `meta: end_role` has ended, or of one that such a role has pulled in. */
function hasEnded({ endedRoles }: HostContext, task: Task): boolean {
  if (endedRoles.size === 0) return false;
  for (let role = task.role; role !== undefined; role = role.parent) {
    if (endedRoles.has(role)) return true;
  }
  return false;
}

/** The end of a host whose task failed: `any_errors_fatal` makes it the end of all. */
function failed(context: HostContext, task: Task): StopHost {
  return new StopHost("failed", isOn(task.keywords.anyErrorsFatal, context.variables.scopeOf(task)));
}

/**
 * Runs the handlers that were notified, in the order in which the play defines them, each once. A handler may notify others: those behind it have their turn
 * behind it, those before it in another round. One that has run does not run again, or two that notify each other would go on for ever; one that failed is left to
 * the next run. What others behind it may need to know (`register`) stays on the list with them: a run that goes on with those finds it out anew.
 *
 * @param isLast the play is over, so that those which an earlier run left are due in any case.
 */
async function flushHandlers(context: HostContext, isLast = false): Promise<void> {
  const ran = new Set<Task>();
  for (let due = dueHandlers(context, ran, isLast); due.length > 0; due = dueHandlers(context, ran, isLast)) {
    const { session, host } = context;
    const ids = due.map(handlerId);
    const leftOver = ids.filter((id) => session.handlers.leftOver.includes(id));
    context.emit({ type: "handlers-started", host, handlers: ids, leftOver });
    const { handlers } = context.play;
    const telling: Task[] = [];
    for (let rest = due; rest.length > 0; ) {
      const [handler] = rest;
      if (handler === undefined) break;
      ran.add(handler);
      await runHandler(context, handler, rest);
      if (tellsOthers(handler)) telling.push(handler);
      else await session.handlers.forget([handlerId(handler)]);
      const place = handlers.indexOf(handler);
      rest = dueHandlers(context, ran, isLast).filter((one) => handlers.indexOf(one) > place);
    }
    const lastFailed = Math.max(-1, ...[...context.failedHandlers].map((one) => handlers.indexOf(one)));
    const over = telling.filter((one) => handlers.indexOf(one) > lastFailed);
    await session.handlers.forget(over.map(handlerId));
  }
}

/** Whether other handlers may ask for what it has found out. */
function tellsOthers({ register, module }: Task): boolean {
  return register !== undefined || module === "set_fact" || module === "include_vars";
}

function dueHandlers(
  { play, session, failedHandlers, dueAgain }: HostContext,
  ran: ReadonlySet<Task>,
  isLast: boolean,
): Task[] {
  const isDue = (id: string): boolean =>
    isLast || dueAgain.has(id) || !session.handlers.leftOver.includes(id);
  return play.handlers.filter(
    (handler) =>
      !ran.has(handler) &&
      !failedHandlers.has(handler) &&
      session.handlers.pending.includes(handlerId(handler)) &&
      isDue(handlerId(handler)),
  );
}

async function runHandler(context: HostContext, handler: Task, due: readonly Task[]): Promise<void> {
  if (context.isStopping()) throw new StopHost("interrupted");
  const place = { upcoming: { tasks: due, position: 0 }, following: () => [], rescued: false, handler: true };
  if (await context.hooks.wants(handler)) {
    const end = await runTask(context, handler, place);
    noteTurn(context, handler);
    if (end.failed) {
      context.failedHandlers.add(handler);
      throw failed(context, handler);
    }
  }
}
