import { setTimeout as wait } from "node:timers/promises";
import { ModuleFailure } from "../modules/module.ts";
import type { Task } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import { PendingOnHost, type Scope } from "../variables/scope.ts";
import { isValueMap, type Value, type ValueMap } from "../variables/value.ts";
import { applyPass } from "./apply-pass.ts";
import { ask } from "./ask.ts";
import { askAhead, preparePass, type Upcoming } from "./ask-ahead.ts";
import { handlersNotifiedBy } from "./handlers.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import { judged, retryAfterMs } from "./judge.ts";
import { type Pass, passesOf } from "./passes.ts";
import { diagnosticsOf } from "./place-findings.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { isSilent, type ReportedPass, referenceTo, reportFinished } from "./report-task.ts";
import { holds, skipped } from "./skip.ts";
import { type Outcome, outcomeOf, outcomeOfError, registeredOf, registeredOfLoop } from "./task-result.ts";

/** Where a task stands: what its failure means, and what is asked ahead with it. */
export interface TaskPlace {
  upcoming: Upcoming;
  /** A `rescue` takes over when it fails. */
  rescued: boolean;
  handler: boolean;
}

export interface TaskEnd {
  /** After `ignore_errors`. */
  failed: boolean;
  registered: ValueMap;
  /** In check mode: only a run would tell the result. */
  notRun?: boolean | undefined;
}

/** One pass under way. */
interface RunningPass extends ReportedPass {
  context: HostContext;
  session: HostSession;
  pass: Pass;
  place: TaskPlace;
  /** Handlers that it has notified. */
  notified: string[];
  /** Of these, the ones that nobody had notified before. */
  newlyNotified: string[];
}

/**
 * Runs one task on one host, all items of its loop, and tells what came of it.
 *
 * @throws TransportError when the connection is lost.
 */
export async function runTask(context: HostContext, task: Task, place: TaskPlace): Promise<TaskEnd> {
  if (task.keywords.runOnce !== true) return throttled(context, task, place);
  const result = await context.hooks.once(task.id, context.host, () => throttled(context, task, place));
  register(context, task, result.notRun, result.registered);
  // What one host has set for all of them is set on all of them.
  const facts = result.registered["ansible_facts"];
  if (task.module === "set_fact" && isValueMap(facts)) {
    for (const [name, value] of Object.entries(facts)) context.variables.set(name, value);
    context.prepared.clear();
  }
  return result;
}

function throttled(context: HostContext, task: Task, place: TaskPlace): Promise<TaskEnd> {
  const { throttle } = task.keywords;
  const act = (): Promise<TaskEnd> => runHere(context, task, place);
  return throttle === undefined ? act() : context.hooks.throttle(task.id, throttle, act);
}

/** What another host of the play has yet to set is waited for. */
async function whenKnown<Type>(context: HostContext, act: () => Type | Promise<Type>): Promise<Type> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof PendingOnHost)) throw error;
    await context.hooks.turn();
    return act();
  }
}

async function runHere(context: HostContext, task: Task, place: TaskPlace): Promise<TaskEnd> {
  const startedMs = Date.now();
  let passes: Pass[];
  let session: HostSession;
  try {
    const scope = context.variables.scopeOf(task);
    session = await sessionFor(context, task, scope);
    passes = await whenKnown(context, () => passesOf(task, context.variables.scopeOf(task)));
  } catch (error) {
    const outcome = failure(context, error);
    const reported = { task, pass: undefined, handler: place.handler, delegatedTo: undefined };
    const rest = { rescued: place.rescued, startedMs, attempts: 1, notified: [] };
    const status = reportFinished(context, reported, outcome, rest);
    register(context, task, outcome.notRun, registeredOf(outcome, 1));
    return {
      failed: status === "failed" || status === "rescued",
      registered: registeredOf(outcome, 1),
    };
  }
  const results: (TaskEnd & { item: Value })[] = [];
  for (const pass of passes) {
    const delegatedTo = session === context.session ? undefined : session.name;
    const running = {
      context,
      session,
      task,
      pass,
      place,
      handler: place.handler,
      delegatedTo,
      notified: [],
      newlyNotified: [],
    };
    results.push({ ...(await runPass(running)), item: pass.item?.value ?? null });
    if (context.isStopping()) break;
    if (task.loop?.pauseMs !== undefined) await wait(task.loop.pauseMs);
  }
  const registered = task.loop === undefined ? (results[0]?.registered ?? {}) : registeredOfLoop(results);
  const notRun = results.some((result) => result.notRun === true);
  register(context, task, notRun, registered);
  return { failed: results.some(({ failed }) => failed), registered, notRun };
}

/** A result that only a run would tell must not be taken for one: who asks for it is told so. */
function register(context: HostContext, task: Task, notRun: boolean | undefined, registered: ValueMap): void {
  if (task.register === undefined) return;
  if (notRun === true) context.variables.setUnknown(task.register);
  else context.variables.set(task.register, registered);
}

async function sessionFor(context: HostContext, task: Task, scope: Scope): Promise<HostSession> {
  const { delegateTo } = task.keywords;
  if (delegateTo === undefined) return context.session;
  const host = String(evaluate(delegateTo, scope));
  return host === context.host ? context.session : context.hooks.sessionWith(host);
}

async function runPass(running: RunningPass): Promise<TaskEnd> {
  const { context, session, place } = running;
  const startedMs = Date.now();
  for (let attempt = 1; ; attempt++) {
    const { outcome, retryAfterMs } = await attemptPass(running, attempt);
    if (retryAfterMs !== undefined && !context.isStopping()) {
      await wait(retryAfterMs, undefined, { signal: session.signal }).catch(() => undefined);
      session.answers.forgetAll();
      continue;
    }
    await settle(running, outcome);
    const rest = { rescued: place.rescued, startedMs, attempts: attempt, notified: running.notified };
    const status = reportFinished(context, running, outcome, rest);
    return {
      failed: status === "failed" || status === "rescued",
      registered: registeredOf(outcome, attempt),
      notRun: outcome.notRun,
    };
  }
}

/** @returns how it came out, and after which time it is to be tried again, if it is. */
async function attemptPass(
  running: RunningPass,
  attempt: number,
): Promise<{ outcome: Outcome; retryAfterMs?: number | undefined }> {
  const { context, task, pass } = running;
  const outcome = await judgedPass(running, attempt);
  try {
    return { outcome, retryAfterMs: retryAfterMs(task, pass.scope, outcome, attempt) };
  } catch (error) {
    return { outcome: failure(context, error) };
  }
}

async function judgedPass(running: RunningPass, attempt: number): Promise<Outcome> {
  const { context, task, pass } = running;
  try {
    const outcome = await whenKnown(context, () => tryPass(running)).catch((error: unknown) => ({
      ...failure(context, error),
      ...placed(error, task, pass.scope),
    }));
    return judged(task, pass.scope, outcome, attempt);
  } catch (error) {
    return failure(context, error);
  }
}

function failure(context: HostContext, error: unknown): Outcome {
  return outcomeOfError(error, context.changesPending, context.options.checkMode);
}

/** A module that blames its parameters is shown with their lines. */
function placed(error: unknown, task: Task, scope: Scope): Pick<Outcome, "diagnostics"> {
  if (!(error instanceof ModuleFailure) || error.findings.length === 0) return {};
  return { diagnostics: diagnosticsOf(error.findings, "error", task, scope) };
}

async function tryPass(running: RunningPass): Promise<Outcome> {
  const { context, session, task, pass } = running;
  if (!holds(task, pass.scope)) return skipped(task, pass.scope);
  const prepared =
    session === context.session
      ? await preparePass(context, task, pass)
      : await prepare(context, session, task, pass.scope);
  const unasked = [...prepared.queries.values()].some((question) => !session.answers.has(question));
  if (unasked) await askFor(running, prepared);
  const silent = isSilent(task, pass.scope);
  const reference = referenceTo(context, running);
  const result = await applyPass(context, session, task, prepared, {
    turn: () => context.hooks.turn(),
    warn: (findings) => {
      for (const diagnostic of diagnosticsOf(findings, "warning", task, pass.scope))
        context.emit({ type: "warning", host: context.host, message: diagnostic.message, diagnostic });
    },
    beforeChange: async (change) => {
      const summary = silent ? "hidden by no_log" : context.secrets.redact(change.summary);
      context.emit({ type: "task-started", host: context.host, task: reference, summary });
      await notify(running);
    },
    progress: (step, line) => {
      const shown = line === undefined || silent ? {} : { line: context.secrets.redact(line) };
      const title = silent ? "hidden by no_log" : context.secrets.redact(step);
      context.emit({ type: "task-progress", host: context.host, task: reference, step: title, ...shown });
    },
    askAgain: async (before) => {
      const again =
        before.module.load === undefined ? before : await prepare(context, session, task, pass.scope);
      await askFor(running, again);
      return again;
    },
  });
  if (result.kind === "predicted") {
    context.changesPending = true;
    await notify(running);
    // What a handler would do follows from the changes that are named already: it is no change of its own.
    if (running.handler && !result.certain) {
      return {
        status: "skipped",
        message: `would run: ${result.change.summary}`,
        differences: [],
        data: {},
        facts: {},
      };
    }
  }
  return outcomeOf(result);
}

async function askFor({ context, session, place }: RunningPass, prepared: Prepared): Promise<void> {
  if (session === context.session) await askAhead(context, prepared, place.upcoming);
  else await ask(session, [...prepared.queries.values()]);
}

/** Handlers are written down on the host before anything is changed, so that they run even if this run dies. */
async function notify(running: RunningPass): Promise<void> {
  const { context, task, pass } = running;
  running.notified = handlersNotifiedBy(context, task, pass.scope);
  if (running.notified.length === 0) return;
  if (context.options.checkMode) context.session.noteHandlers(running.notified);
  else running.newlyNotified = await context.session.rememberHandlers(running.notified);
}

async function settle(running: RunningPass, outcome: Outcome): Promise<void> {
  const { context, session, newlyNotified } = running;
  // A change that did not happen after all (`changed_when: false`) has notified nobody.
  if (outcome.status === "ok" && newlyNotified.length > 0)
    await context.session.forgetHandlers(newlyNotified);
  for (const [name, value] of Object.entries(outcome.facts)) {
    context.variables.set(name, value);
    context.prepared.clear();
  }
  if (outcome.notRun === true && running.task.module === "set_fact") {
    for (const { key } of running.task.parameters) context.variables.setUnknown(key);
  }
  if (outcome.gathered !== undefined) {
    context.variables.joinFacts(outcome.gathered);
    context.prepared.clear();
  }
  if (outcome.variables !== undefined) {
    context.variables.define(outcome.variables);
    context.prepared.clear();
  }
  // Steps may have been done before the one that failed.
  if (outcome.status === "failed") session.answers.forgetAll();
}
