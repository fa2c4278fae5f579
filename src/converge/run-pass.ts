import { setTimeout as wait } from "node:timers/promises";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { NeededChange } from "../modules/change.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { StepHost } from "../modules/step.ts";
import type { Task } from "../playbook/playbook.ts";
import { amountOf, retriesOf } from "../playbook/repetition.ts";
import { lastingPart } from "../queries/query.ts";
import { TransportError } from "../transport/transport.ts";
import { PendingOnHost, type Scope } from "../variables/scope.ts";
import { applyPass, MOST_TRIES } from "./apply-pass.ts";
import { ask } from "./ask.ts";
import { askAhead, preparePass, questionsAhead } from "./ask-ahead.ts";
import { isAllKnown } from "./compare.ts";
import { handlersNotifiedBy } from "./handlers.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import { changesToJoin } from "./join-changes.ts";
import { judged, verdictOn } from "./judge.ts";
import { requireFlags } from "./keyword-flag.ts";
import { passKey } from "./passes.ts";
import type { JobTerms } from "./perform-options.ts";
import { diagnosticsOf } from "./place-findings.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { isSilent, referenceTo, reportFinished } from "./report-task.ts";
import type { RunningPass } from "./running-pass.ts";
import { settle } from "./settle.ts";
import { holds, skipped } from "./skip.ts";
import { takeTurn } from "./take-turn.ts";
import { type Outcome, outcomeOf, outcomeOfError, registeredOf, type TaskEnd } from "./task-result.ts";
import { type Clock, NO_LIMIT_MS, STEP_LIMIT_MS, TimeLimitPassed, withinLimit } from "./time-limit.ts";
import { unlessStopped } from "./unless-stopped.ts";

/** What another host of the play has yet to set is waited for. */
export async function whenKnown<Type>(context: HostContext, act: () => Type | Promise<Type>): Promise<Type> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof PendingOnHost)) throw error;
    await context.hooks.turn();
    return act();
  }
}

/** Runs one pass of a task, as often as `until` and `retries` say, and tells what came of it. */
export async function runPass(running: RunningPass): Promise<TaskEnd> {
  const { context, session, place } = running;
  const startedMs = performance.now();
  context.options.observe?.(running.task, running.pass.scope);
  for (let attempt = 1; ; attempt++) {
    running.attempt = attempt;
    const { outcome: judgement, againAfterMs } = await attemptPass(running, attempt);
    if (againAfterMs !== undefined && !context.isStopping()) {
      tellOfRetry(running, attempt, againAfterMs);
      if (running.leftMs !== undefined) running.leftMs -= againAfterMs;
      await wait(againAfterMs, undefined, { signal: session.signal }).catch(() => undefined);
      session.answers.forgetAll();
      continue;
    }
    const outcome = await announced(running, judgement);
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

/** A change that only `changed_when` speaks of has notified nobody yet: no step has announced it. */
async function announced(running: RunningPass, outcome: Outcome): Promise<Outcome> {
  if (outcome.status !== "changed" || running.notified.length > 0) return outcome;
  try {
    await notify(running);
    return outcome;
  } catch (error) {
    return failure(running.context, error);
  }
}

function tellOfRetry(running: RunningPass, attempt: number, afterMs: number): void {
  const { context, task, pass } = running;
  const step = `try ${attempt + 1} of ${retriesOf(task, pass.scope) + 1}, in ${afterMs / 1000} s`;
  context.emit({ type: "task-progress", host: context.host, task: referenceTo(context, running), step });
}

/** @returns how it came out, and after which time it is to be tried again, if it is. */
async function attemptPass(
  running: RunningPass,
  attempt: number,
): Promise<{ outcome: Outcome; againAfterMs?: number }> {
  const { context, task, pass } = running;
  const outcome = await judgedPass(running, attempt);
  try {
    const verdict = verdictOn(task, pass.scope, outcome, attempt, running.leftMs);
    if (verdict.kind === "again") return { outcome, againAfterMs: verdict.afterMs };
    const tries = triesTold(attempt, verdict.timeIsUp);
    if (verdict.kind === "given-up") return { outcome: givenUp(outcome, tries) };
    return { outcome: attempt > 1 || verdict.timeIsUp ? counted(outcome, tries) : outcome };
  } catch (error) {
    return { outcome: failure(context, error) };
  }
}

function triesTold(tries: number, timeIsUp: boolean): string {
  const told = `${tries} ${tries === 1 ? "try" : "tries"}`;
  return timeIsUp ? `${told}, and \`timeout\` leaves none for another` : told;
}

/** What failed once and again says how often. */
function counted(outcome: Outcome, tries: string): Outcome {
  if (outcome.status !== "failed") return outcome;
  return { ...outcome, message: `${outcome.message}, after ${tries}` };
}

function givenUp(outcome: Outcome, tries: string): Outcome {
  const message = `\`until\` did not hold after ${tries}: ${outcome.message}`;
  return { ...outcome, status: "failed", message, hasChanged: outcome.status === "changed" };
}

async function judgedPass(running: RunningPass, attempt: number): Promise<Outcome> {
  const { context, task, pass } = running;
  try {
    const found = await whenKnown(context, () => limitedPass(running)).catch((error: unknown) => ({
      ...failure(context, error),
      ...placed(error, task, pass.scope),
    }));
    const outcome = found.status === "failed" && !running.hasActed ? { ...found, hasChanged: false } : found;
    return judged(task, pass.scope, outcome, attempt);
  } catch (error) {
    return failure(context, error);
  }
}

/** An error as the failure of a task. What is not about the task is thrown on. */
export function failure(context: HostContext, error: unknown): Outcome {
  return outcomeOfError(error, context.changesPending, context.options.checkMode);
}

/** A module that blames its parameters is shown with their lines. */
function placed(error: unknown, task: Task, scope: Scope): Pick<Outcome, "diagnostics"> {
  if (!(error instanceof ModuleFailure) || error.findings.length === 0) return {};
  return { diagnostics: diagnosticsOf(error.findings, "error", task, scope) };
}

/** How long a pass may take, by its keywords. */
interface Limits {
  /** `timeout`: all of it. */
  passMs: number | undefined;
  /** Each step, unless the module gives it a time of its own. */
  stepMs: number;
  /** `async`: a step that is a script runs as a job of its own. */
  job: JobTerms | undefined;
}

/** Ansible's: seconds between two looks at a job. */
const DEFAULT_POLL_SECONDS = 15;

function limitsOf(task: Task, scope: Scope): Limits {
  const job = jobTerms(task, scope);
  if (job !== undefined) return { passMs: undefined, stepMs: STEP_LIMIT_MS, job };
  const { timeout } = task.keywords;
  if (timeout === undefined) return { passMs: undefined, stepMs: STEP_LIMIT_MS, job };
  const seconds = amountOf("timeout", timeout, scope);
  return seconds === 0
    ? { passMs: undefined, stepMs: NO_LIMIT_MS, job }
    : { passMs: seconds * 1000, stepMs: seconds * 1000, job };
}

function jobTerms(task: Task, scope: Scope): JobTerms | undefined {
  const seconds = task.async === undefined ? 0 : amountOf("async", task.async, scope);
  if (seconds === 0) return undefined;
  const poll = task.poll === undefined ? DEFAULT_POLL_SECONDS : amountOf("poll", task.poll, scope);
  return { limitSeconds: Math.ceil(seconds), pollMs: poll * 1000 };
}

async function limitedPass(running: RunningPass): Promise<Outcome> {
  const { task, pass } = running;
  // What is done already is told of, whatever others have set meanwhile.
  const isDone = running.context.doneAhead.has(passKey(task, pass));
  if (!isDone && !holds(task, pass.scope)) {
    const { options, host } = running.context;
    options.watcher?.passedOver?.(host, task, pass.scope);
    return skipped(task, pass.scope);
  }
  try {
    requireFlags(task, pass.scope);
  } catch (error) {
    return { ...failure(running.context, error), ofFlags: true };
  }
  const limits = limitsOf(task, pass.scope);
  const { passMs } = limits;
  if (passMs === undefined) return tryPass(running, limits, undefined);
  // All tries share it: a gate that asks again and again has an end.
  let timer: Clock | undefined;
  try {
    return await withinLimit(running.leftMs ?? passMs, (clock) => {
      timer = clock;
      return tryPass(running, limits, clock);
    });
  } catch (error) {
    throw error instanceof TimeLimitPassed && timer?.signal.aborted ? new TimeLimitPassed(passMs) : error;
  } finally {
    running.leftMs = timer?.leftMs() ?? 0;
  }
}

async function tryPass(running: RunningPass, limits: Limits, clock: Clock | undefined): Promise<Outcome> {
  const { context, session, task, pass } = running;
  const signal = clock?.signal;
  const prepared =
    session === context.session
      ? await preparePass(context, task, pass)
      : await prepare(context, session, task, pass.scope);
  context.options.watcher?.concerned?.(context.host, task, {
    questions: [...prepared.queries.values()].map(({ query }) => query.key),
    subjects: prepared.module.touches?.(prepared.input) ?? [],
  });
  // Others may change the host of a delegated task meanwhile: then what has just been asked counts no more.
  for (let tries = 0; tries < MOST_TRIES && !isAllKnown(session, prepared); tries++)
    await beforeAnything(running, askFor(running, prepared, signal));
  const silent = isSilent(task, pass.scope);
  const reference = referenceTo(context, running);
  const result = await applyPass(
    context,
    session,
    prepared,
    { stepLimitMs: limits.stepMs, job: limits.job, signal },
    {
      title: silent ? "hidden by no_log" : reference.name,
      key: running.handler ? "" : passKey(task, pass),
      toJoin: (before, change, steps) => changesToJoin(running, before, change, steps),
      onlyLooks: task.changedWhen?.some(({ expression }) => expression.source.trim() === "false") === true,
      isDone: () =>
        !running.handler &&
        task.register === undefined &&
        context.options.isDone?.(context.host, reference) === true,
      // Waiting for others is no part of what the task takes.
      turn: () => clock?.hold(() => turnOf(running)) ?? turnOf(running),
      alone: async (act) => {
        const leave = await (clock?.hold(() => session.enter()) ?? session.enter());
        try {
          return await act();
        } finally {
          leave();
        }
      },
      warn: (findings) => {
        for (const diagnostic of diagnosticsOf(findings, "warning", task, pass.scope))
          context.emit({ type: "warning", host: context.host, message: diagnostic.message, diagnostic });
      },
      beforeChange: async (change, isHarmless, joined) => {
        const objection = context.options.watcher?.objection?.(context.host, reference, change);
        if (objection !== undefined) throw new ModuleFailure(objection);
        // Whatever becomes of this run, it is known of each that it was begun.
        for (const one of [{ reference, change, isSilent: silent }, ...joined]) {
          const summary = one.isSilent ? "hidden by no_log" : context.secrets.redact(one.change.summary);
          context.emit({ type: "task-started", host: context.host, task: one.reference, summary });
        }
        await context.options.told?.();
        const others = await notify(
          running,
          joined.flatMap(({ handlers }) => handlers),
        );
        running.hasActed ||= !isHarmless;
        return others;
      },
      wasBegun: async () => {
        await notify(running);
        running.hasActed = true;
      },
      ask: asking(running),
      progress: (step, line) => {
        const shown = line === undefined || silent ? {} : { line: context.secrets.redact(line) };
        const title = silent ? "hidden by no_log" : context.secrets.redact(step);
        context.emit({ type: "task-progress", host: context.host, task: reference, step: title, ...shown });
      },
      questionsAfter: async (before, lookahead) =>
        session === context.session
          ? await questionsAhead(context, before, running.place.upcoming, lookahead)
          : [...before.queries.values()],
      askAgain: async (before) => {
        const again =
          before.module.load === undefined ? before : await prepare(context, session, task, pass.scope);
        await askFor(running, again, signal);
        return again;
      },
    },
  );
  if (result.kind === "predicted") {
    const isRefused = await tried(running, prepared, result.change, signal);
    context.options.watcher?.predicted?.(context.host, reference, {
      answers: answersTo(session, prepared, context.secrets),
      facts: session.facts ?? {},
    });
    context.changesPending = true;
    await notify(running);
    // What a handler would do follows from the changes that are named already: it is no change of its own, unless its keywords say what of it is one.
    if (
      running.handler &&
      !result.certain &&
      task.changedWhen === undefined &&
      task.failedWhen === undefined
    ) {
      return {
        status: "skipped",
        message: `would run: ${result.change.summary}`,
        differences: [],
        data: {},
        facts: {},
        notRun: true,
      };
    }
    // Whether what earlier tasks would do mends that, only the run can tell.
    if (isRefused) return outcomeOf({ ...result, certain: false });
  }
  return outcomeOf(result);
}

/**
 * What the host itself would refuse is no promise to make.
 *
 * @returns whether it would be refused as the host is now, in front of what earlier tasks would change.
 * @throws StepFailure, ModuleFailure, NotKnown
 */
async function tried(
  { context, session }: RunningPass,
  prepared: Prepared,
  change: NeededChange,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { tryOut } = await import("./try-out.ts");
  const refused = await tryOut(context, session, prepared, change, signal);
  if (refused === undefined) return false;
  const message = `as the host is now, before what earlier tasks would change: ${context.secrets.redact(refused)}`;
  context.emit({ type: "warning", host: context.host, message });
  return true;
}

/** One question for all hosts of the batch that come to it: the same task, item and try. */
function asking({ context, task, pass, attempt }: RunningPass): StepHost["ask"] {
  const { ask } = context.hooks;
  const key = `${task.id}#${pass.item?.index ?? ""}#${attempt}`;
  return ask === undefined ? undefined : (question, signal) => ask(key, question, signal);
}

/** Some questions are called by the path that they are about; a plan is a file that others read. */
function answersTo(session: HostSession, { queries }: Prepared, secrets: Secrets): Map<string, unknown> {
  const answers = new Map<string, unknown>();
  for (const [name, question] of queries) {
    const answered = session.answers.get(question);
    if (answered?.known !== true) continue;
    const shown = secrets.redact(name);
    let own = shown;
    for (let number = 2; answers.has(own); number++) own = `${shown} (${number})`;
    answers.set(own, lastingPart(question.query.kind, answered.answer));
  }
  return answers;
}

/** Handlers that were notified run whoever has ended the play. */
function turnOf({ context, handler }: RunningPass): Promise<void> {
  return handler ? context.hooks.turn() : takeTurn(context);
}

/** What is asked before a task has begun to change anything is given up when the run is being stopped. What others have done ahead has to be told first. */
function beforeAnything({ context }: RunningPass, asking: Promise<void>): Promise<void> {
  return context.doneAhead.size > 0 ? asking : unlessStopped(context.hooks.stopping, asking);
}

/** Asking changes nothing, so what was asked when the connection was lost is asked again on a new one, once. */
async function askFor(
  { context, session, place }: RunningPass,
  prepared: Prepared,
  signal: AbortSignal | undefined,
): Promise<void> {
  const asking = (): Promise<void> =>
    session === context.session
      ? askAhead(context, prepared, place.upcoming, signal)
      : ask(session, [...prepared.queries.values()], signal);
  try {
    await asking();
  } catch (error) {
    if (!(error instanceof TransportError) || !session.isLost) throw error;
    await session.reconnect();
    await asking();
  }
}

/**
 * Handlers are written down on the host before anything is changed, so that they run even if this run dies.
 *
 * @param others those of changes that are begun with this one.
 * @returns what of these nobody had notified before.
 */
async function notify(running: RunningPass, others: readonly string[] = []): Promise<readonly string[]> {
  const { context, task, pass } = running;
  running.notified = handlersNotifiedBy(context, task, pass.scope);
  const all = [...new Set([...running.notified, ...others])];
  if (all.length === 0) return [];
  if (context.options.checkMode) {
    context.session.handlers.note(all);
    return [];
  }
  const fresh = await context.session.handlers.remember(all);
  running.newlyNotified = fresh.filter((handler) => running.notified.includes(handler));
  return fresh.filter((handler) => !running.notified.includes(handler));
}
