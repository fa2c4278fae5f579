import type { Block, Include, Node, Task } from "../playbook/playbook.ts";
import { TransportError } from "../transport/transport.ts";
import { evaluate } from "../variables/evaluate.ts";
import { ask } from "./ask.ts";
import { questionsOf, tasksInOrder, type Upcoming } from "./ask-ahead.ts";
import type { HostUnreachable } from "./event.ts";
import { handlerId } from "./handlers.ts";
import type { HostContext } from "./host-context.ts";
import { HostStateError } from "./host-session.ts";
import { Interrupted } from "./interrupted.ts";
import { Places } from "./place.ts";
import { checkRole } from "./role-check.ts";
import { expandAndReport } from "./run-include.ts";
import { runTask, type TaskEnd } from "./run-task.ts";

/** How the play ended on one host. */
export type HostEnd = "ok" | "failed" | "unreachable" | "interrupted" | "ended";

/** Why the tasks of a host stop before their end. */
class StopHost extends Error {
  readonly end: HostEnd;

  constructor(end: HostEnd) {
    super(end);
    this.name = "StopHost";
    this.end = end;
  }
}

/**
 * Runs a play on one host, from its first question to its last handler.
 *
 * Handlers that were notified before a failure still run: what they announce has happened.
 */
export async function convergeHost(context: HostContext): Promise<HostEnd> {
  const { play } = context;
  try {
    const tasks = play.sections.flatMap((section) => tasksInOrder(section.nodes));
    await firstTrip(context, tasks);
    const places = new Places();
    for (const section of play.sections) {
      places.add(section.nodes);
      await runNodes(context, section.nodes, { tasks, places, rescued: false });
      context.hooks.arrive(places.end());
      await flushHandlers(context);
    }
    return "ok";
  } catch (error) {
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
  const begun = context.session.begin();
  // The questions go out on the heels of the lock, not after its answer; so nothing may be awaited on the network in between.
  const questions = questionsOf(context, tasks);
  const asked = questions.then((all) => ask(context.session, all));
  const [locked, answered] = await Promise.allSettled([begun, asked]);
  if (locked.status === "rejected") throw locked.reason;
  if (answered.status === "rejected") throw answered.reason;
  if (context.play.gatherFacts) context.variables.setFacts(context.session.facts ?? {});
}

interface Surroundings {
  /** All tasks of the play, or of the rescue part that is under way, in order. */
  tasks: Upcoming["tasks"];
  places: Places;
  rescued: boolean;
}

/** @throws StopHost when a task fails and nothing rescues it. */
async function runNodes(context: HostContext, nodes: readonly Node[], around: Surroundings): Promise<void> {
  for (const node of nodes) {
    if (node.kind === "block") await runBlock(context, node, around);
    else if (node.kind === "include") await runInclude(context, node, around);
    else await runOne(context, node, around);
  }
}

async function runBlock(context: HostContext, block: Block, around: Surroundings): Promise<void> {
  const rescued = around.rescued || block.rescue.length > 0;
  try {
    await runNodes(context, block.block, { ...around, rescued });
  } catch (error) {
    if (!(error instanceof StopHost) || error.end !== "failed" || block.rescue.length === 0) throw error;
    const tasks = tasksInOrder(block.rescue);
    await runNodes(context, block.rescue, { ...around, tasks });
  } finally {
    if (!context.isStopping()) await runNodes(context, block.always, around);
  }
}

/** What is included takes the place of the include among the tasks to come. */
async function runInclude(context: HostContext, include: Include, around: Surroundings): Promise<void> {
  if (context.isStopping()) throw new StopHost("interrupted");
  if (!context.options.selects(include.task)) return;
  const place = around.places.of(include);
  context.hooks.arrive(place);
  const nodes = await expandAndReport(context, include, around.rescued);
  if (nodes === undefined) throw new StopHost("failed");
  const rest = around.tasks.slice(around.tasks.indexOf(include) + 1);
  const places = new Places(place).add(nodes);
  await runNodes(context, nodes, { ...around, places, tasks: [...tasksInOrder(nodes), ...rest] });
}

async function runOne(context: HostContext, task: Task, around: Surroundings): Promise<void> {
  if (context.isStopping()) throw new StopHost("interrupted");
  if (!context.options.selects(task)) return;
  context.hooks.arrive(around.places.of(task));
  if (task.module === "meta") return runMeta(context, task);
  if (!checkRole(context, task)) throw new StopHost("failed");
  const upcoming: Upcoming = { tasks: around.tasks, position: around.tasks.indexOf(task) };
  const end: TaskEnd = await runTask(context, task, { upcoming, rescued: around.rescued, handler: false });
  if (end.failed) throw new StopHost("failed");
}

async function runMeta(context: HostContext, task: Task): Promise<void> {
  const scope = context.variables.scopeOf(task);
  if (!task.keywords.when.every(({ expression }) => expression.evaluate(scope) === true)) return;
  const action = task.parameters.find(({ key }) => key === "_raw_params")?.value;
  switch (action === undefined ? undefined : evaluate(action, scope)) {
    case "flush_handlers":
      return flushHandlers(context);
    case "clear_facts":
      context.variables.setFacts({});
      return;
    case "end_host":
    case "end_play":
      throw new StopHost("ended");
    default:
      return;
  }
}

/**
 * Runs the handlers that were notified, in the order in which the play defines them, each once. A handler may notify others; one that has run does not
 * run again, or two that notify each other would go on for ever.
 */
async function flushHandlers(context: HostContext, ran: ReadonlySet<Task> = new Set()): Promise<void> {
  const { play, session } = context;
  const due = play.handlers.filter(
    (handler) => !ran.has(handler) && session.pendingHandlers.includes(handlerId(handler)),
  );
  if (due.length === 0) return;
  const ids = due.map(handlerId);
  const leftOver = ids.filter((id) => session.leftOverHandlers.includes(id));
  context.emit({ type: "handlers-started", host: context.host, handlers: ids, leftOver });
  for (const [position, handler] of due.entries()) {
    if (context.isStopping()) throw new StopHost("interrupted");
    const place = { upcoming: { tasks: due, position }, rescued: false, handler: true };
    const end = await runTask(context, handler, place);
    if (end.failed) throw new StopHost("failed");
    await session.forgetHandlers([handlerId(handler)]);
  }
  await flushHandlers(context, new Set([...ran, ...due]));
}
