import { setTimeout as wait } from "node:timers/promises";
import { inputError } from "../diagnostics/diagnostic.ts";
import { describeValue } from "../playbook/describe-value.ts";
import type { Task } from "../playbook/playbook.ts";
import { amountOf } from "../playbook/repetition.ts";
import { present } from "../transport/present.ts";
import { evaluate } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";
import { isValueMap, type ValueMap } from "../variables/value.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import { childScope } from "./host-variables.ts";
import { type Pass, passesOf } from "./passes.ts";
import { reportFinished } from "./report-task.ts";
import { failure, runPass, whenKnown } from "./run-pass.ts";
import type { TaskPlace } from "./running-pass.ts";
import { holds } from "./skip.ts";
import { StopHost } from "./stop-host.ts";
import { takeTurn } from "./take-turn.ts";
import {
  type ItemResult,
  type Outcome,
  registeredOf,
  registeredOfLoop,
  type TaskEnd,
} from "./task-result.ts";

/**
 * Runs one task on one host, all items of its loop, and tells what came of it.
 *
 * @throws TransportError when the connection is lost; StopHost when the play has ended for all.
 */
export async function runTask(context: HostContext, task: Task, place: TaskPlace): Promise<TaskEnd> {
  if (!place.handler && mayEndForAll(context, task)) await takeTurn(context);
  let manner: Manner;
  try {
    manner = await whenKnown(context, () => mannerOf(context, task));
  } catch (error) {
    return endWith(context, task, place, performance.now(), failure(context, error));
  }
  const { runsOnce, atMost } = manner;
  const act = (): Promise<TaskEnd> => {
    const here = (): Promise<TaskEnd> => runHere(context, task, place);
    return atMost < 1 ? here() : context.hooks.throttle(task.id, atMost, here);
  };
  if (!runsOnce) return act();
  const result = await context.hooks.once(task.id, context.host, act);
  register(context, task, result.notRun, result.registered);
  // What one host has set for all of them is set on all of them.
  const facts = result.registered["ansible_facts"];
  if (task.module === "set_fact" && isValueMap(facts)) {
    for (const [name, value] of Object.entries(facts)) context.variables.set(name, value);
    context.prepared.clear();
  }
  return result;
}

/** Where a host that fails here may end the play for all, nobody goes past it before it is known. */
function mayEndForAll({ play }: HostContext, { keywords }: Task): boolean {
  return keywords.anyErrorsFatal !== undefined || play.maxFailPercentage !== undefined;
}

/** How the hosts of a play share a task. */
interface Manner {
  runsOnce: boolean;
  /** Hosts at once, or 0 for all. */
  atMost: number;
}

/** A condition on one host must not keep the others from running it, so `run_once` is asked of each. @throws DiagnosticsError, PendingVariable */
function mannerOf(context: HostContext, task: Task): Manner {
  const { runOnce, throttle } = task.keywords;
  if (runOnce === undefined && throttle === undefined) return { runsOnce: false, atMost: 0 };
  const scope = context.variables.scopeOf(task);
  const most = throttle === undefined ? 0 : amountOf("throttle", throttle, scope);
  return { runsOnce: runOnce !== undefined && evaluate(runOnce, scope) === true, atMost: Math.floor(most) };
}

/** The end of a task of which no pass says how it came out. */
function endWith(
  context: HostContext,
  task: Task,
  { handler, rescued }: Pick<TaskPlace, "handler" | "rescued">,
  startedMs: number,
  outcome: Outcome,
): TaskEnd {
  const reported = { task, pass: undefined, handler, delegatedTo: undefined };
  const rest = { rescued, startedMs, attempts: 1, notified: [] };
  const status = reportFinished(context, reported, outcome, rest);
  const registered = registeredOf(outcome, 1);
  register(context, task, outcome.notRun, registered);
  return { failed: status === "failed" || status === "rescued", registered };
}

async function runHere(context: HostContext, task: Task, place: TaskPlace): Promise<TaskEnd> {
  const startedMs = performance.now();
  const report = (outcome: Outcome): TaskEnd => endWith(context, task, place, startedMs, outcome);
  let passes: readonly Pass[];
  try {
    passes = await whenKnown(context, () => passesOf(task, context.variables.scopeOf(task)));
  } catch (error) {
    return report(failure(context, error));
  }
  if (task.loop !== undefined && passes.length === 0) return report(nothingToLoopOver());
  return runPasses(context, task, place, passes, report);
}

async function runPasses(
  context: HostContext,
  task: Task,
  place: TaskPlace,
  passes: readonly Pass[],
  report: (outcome: Outcome) => TaskEnd,
): Promise<TaskEnd> {
  const results: (TaskEnd & ItemResult)[] = [];
  for (const [index, pass] of passes.entries()) {
    let host: Awaited<ReturnType<typeof hostOf>>;
    try {
      host = await hostOf(context, task, pass.scope);
    } catch (error) {
      return report(failure(context, error));
    }
    const end = await runPass({
      context,
      ...host,
      task,
      pass,
      place,
      isLast: results.some(({ failed }) => failed),
      attempt: 1,
      handler: place.handler,
      notified: [],
      hasActed: false,
      newlyNotified: [],
    });
    // The next item sees it, as in Ansible.
    register(context, task, end.notRun, end.registered);
    results.push({ ...end, item: pass.item?.value ?? null, variable: task.loop?.variable ?? "item" });
    try {
      if (breaks(task, pass.scope, end)) break;
    } catch (error) {
      return report(failure(context, error));
    }
    // A host whose loop was not gone through to its end is not done.
    if (context.isStopping() && index < passes.length - 1) throw new StopHost("interrupted");
    const pauseMs = task.loop?.pauseMs;
    if (pauseMs !== undefined && index < passes.length - 1)
      await wait(pauseMs, undefined, { signal: context.session.signal }).catch(() => undefined);
  }
  const registered = task.loop === undefined ? (results[0]?.registered ?? {}) : registeredOfLoop(results);
  const notRun = results.some((result) => result.notRun === true);
  register(context, task, notRun, registered);
  return { failed: results.some(({ failed }) => failed), registered, notRun };
}

/** `break_when` sees the result under its `register` name. */
function breaks({ loop, register: name }: Task, scope: Scope, { registered, notRun }: TaskEnd): boolean {
  // What has not been run is tried for every item: so is what only a run would end.
  if (loop?.breakWhen === undefined || notRun === true) return false;
  const seen = name === undefined ? scope : childScope(scope, { [name]: registered });
  return loop.breakWhen.every(({ expression }) => expression.evaluate(seen) === true);
}

/** What `register` gets of a loop without items says so too, as in Ansible. */
function nothingToLoopOver(): Outcome {
  return {
    status: "skipped",
    message: "no items in the list",
    differences: [],
    data: { results: [] },
    facts: {},
  };
}

/** A result that only a run would tell must not be taken for one: who asks for it is told so. */
function register(context: HostContext, task: Task, notRun: boolean | undefined, registered: ValueMap): void {
  if (task.register === undefined) return;
  if (notRun === true) context.variables.setUnknown(task.register);
  else context.variables.set(task.register, registered);
}

/** The host that a pass is for: `delegate_to` may name the item. Nobody connects to it for a pass that is skipped. */
async function hostOf(
  context: HostContext,
  task: Task,
  scope: Scope,
): Promise<{ session: HostSession; delegatedTo: string | undefined }> {
  const { delegateTo } = task.keywords;
  const host = delegateTo === undefined ? context.host : delegateOf(delegateTo, scope);
  if (host === context.host) return { session: context.session, delegatedTo: undefined };
  // A host that is the controller itself, by `ansible_connection: local`, has its shell and its lock already.
  if (host === "localhost" && context.session.transport.isLocal)
    return { session: context.session, delegatedTo: host };
  const session = isSkipped(task, scope) ? context.session : await context.hooks.sessionWith(host);
  return { session, delegatedTo: host };
}

/** @throws DiagnosticsError for what is no host's name */
function delegateOf(delegateTo: Templated, scope: Scope): string {
  const name = evaluate(delegateTo, scope);
  const at = present("at", delegateTo.at);
  if (name === null || name === "" || typeof name === "object")
    throw inputError(
      "wrong-type",
      `\`delegate_to\` must be the name of a host, not ${describeValue(name)}`,
      at,
    );
  if (!String(name).includes("\0")) return String(name);
  throw inputError("wrong-type", "`delegate_to` can't hold a NUL character", at);
}

/** What can't be evaluated is told where the task is run. */
function isSkipped(task: Task, scope: Scope): boolean {
  try {
    return !holds(task, scope);
  } catch {
    return false;
  }
}
