import { LOOK_AHEAD_ALL, tasksInOrder } from "../converge/ask-ahead.ts";
import { convergeHost } from "../converge/converge-host.ts";
import type { HostContext, PlayHooks } from "../converge/host-context.ts";
import type { HostSession } from "../converge/host-session.ts";
import type { HostVariables } from "../converge/host-variables.ts";
import { Interrupted } from "../converge/interrupted.ts";
import { isOn } from "../converge/keyword-flag.ts";
import type { HostEnd } from "../converge/stop-host.ts";
import { unlessStopped } from "../converge/unless-stopped.ts";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { connectionSettings } from "../inventory/connection-variables.ts";
import type { Play, Playbook } from "../playbook/playbook.ts";
import { present } from "../playbook/present.ts";
import { selectsTask } from "../playbook/tags.ts";
import { TransportError } from "../transport/transport.ts";
import type { Scope } from "../variables/scope.ts";
import { Batch } from "./batch.ts";
import { batchesOf } from "./batches.ts";
import type { Elsewhere, HostWork } from "./elsewhere.ts";
import type { HostProgress, RunState } from "./run-state.ts";
import { sumOfCounters } from "./sessions.ts";
import { variablesInPlay } from "./variables-in-play.ts";

/** One play of a run. */
export interface PlayRun {
  playbook: Playbook;
  play: Play;
  playId: string;
  /** Which of all plays of the run it is. */
  number: number;
  /** As it is written. */
  pattern: string;
  /** The hosts of its pattern, within the limit, in order. */
  hosts: readonly string[];
}

/**
 * Runs a play on its hosts, batch by batch (`serial`), at most `forks` hosts at once. Hosts that failed or could not be reached in an earlier play are
 * left out, as in Ansible.
 *
 * @param isNeededLater whether a host takes part in a play that follows: the connections of others are closed as soon as they are done.
 */
export async function runPlay(
  state: RunState,
  playRun: PlayRun,
  isNeededLater: (host: string) => boolean,
): Promise<void> {
  const { options } = state;
  const hosts = playRun.hosts.filter((host) => state.progressOf(host).outcome === "ok");
  const tasks = playRun.play.sections.flatMap((section) => tasksInOrder(section.nodes));
  options.emit({
    type: "play-started",
    time: now(),
    playId: playRun.playId,
    name: playRun.play.name,
    hosts,
    taskCount: tasks.filter((node) => selectsTask(node.kind === "include" ? node.task : node, options))
      .length,
  });
  const course: Course = { isEnded: false };
  for (const some of batchesOf(hosts, playRun.play.serial)) {
    if (course.isEnded) break;
    if (state.stopping) {
      state.leaveUndone(some);
      continue;
    }
    state.sessions.workOn(some.length);
    const elsewhere = options.elsewhere?.takes(playRun) === true ? options.elsewhere : undefined;
    const batch =
      elsewhere === undefined
        ? new Batch(some, options.forks, playRun.play.strategy)
        : // How many hosts are worked on at once is a matter of those who work.
          new Batch(some, some.length, "free");
    const release = (): void => batch.release();
    state.signal.addEventListener("abort", release);
    const ends = await Promise.allSettled(
      some.map((host) =>
        batch.work(host, async () => {
          await runHost(state, { ...playRun, batch, course, elsewhere }, host);
          if (!isNeededLater(host)) await state.sessions.release(host);
        }),
      ),
    );
    state.signal.removeEventListener("abort", release);
    const defect = ends.find((end) => end.status === "rejected");
    if (defect !== undefined) throw defect.reason;
    if (some.length > 0 && some.every((host) => hasFailed(state, host))) state.stop("all-failed");
  }
  options.emit({ type: "play-finished", time: now(), playId: playRun.playId });
}

/** How far a play has come with all of its batches. */
interface Course {
  /** `meta: end_play`. */
  isEnded: boolean;
}

/** A batch of a play. */
interface BatchRun extends PlayRun {
  batch: Batch;
  course: Course;
  elsewhere?: Elsewhere | undefined;
}

/** @throws what is no outcome of a host but a defect, or wrong in the inventory: the others are told to stop, and have ended before anybody hears of it. */
async function runHost(state: RunState, batchRun: BatchRun, host: string): Promise<void> {
  try {
    await takePart(state, batchRun, host);
  } catch (error) {
    state.stop(error instanceof DiagnosticsError ? "bad-input" : "defect");
    throw error;
  }
}

async function takePart(state: RunState, batchRun: BatchRun, host: string): Promise<void> {
  const progress = state.progressOf(host);
  if (state.stopping) {
    state.setOutcome(progress, "interrupted");
    return;
  }
  const started = performance.now();
  const elsewhere = (await isThisMachine(state, batchRun, host)) ? undefined : batchRun.elsewhere;
  const { end, isFatal } = batchRun.batch.isEnded
    ? { end: "ended" as const, isFatal: false }
    : elsewhere === undefined
      ? await connectAndConverge(state, batchRun, host, progress)
      : await workElsewhere(state, batchRun, elsewhere, host, progress);
  if (elsewhere === undefined) progress.durationMs += Math.round(performance.now() - started);
  state.setOutcome(progress, end === "ended" ? "ok" : end);
  if (end !== "failed" && end !== "unreachable") return;
  const isTooMuch = tooManyFailed(state, batchRun.play, batchRun.batch.hosts);
  if (!isFatal && !isTooMuch) return;
  await batchRun.batch.doneByAll(host);
  state.stop(isFatal ? "any-errors-fatal" : "max-fail-percentage");
}

/** Whether a host is the machine that Plumb runs on: whoever would do its work elsewhere would do it there. */
async function isThisMachine(state: RunState, batchRun: BatchRun, host: string): Promise<boolean> {
  if (batchRun.elsewhere === undefined) return false;
  const variables = await variablesOf(state, batchRun, host);
  const scope = variables.scopeOf({ keywords: batchRun.play.keywords });
  return connectionSettings(host, scope, state.options.connection).connection === "local";
}

async function workElsewhere(
  state: RunState,
  { batch, ...playRun }: BatchRun,
  elsewhere: Elsewhere,
  host: string,
  progress: HostProgress,
): Promise<Pick<HostWork, "end" | "isFatal">> {
  const left = new Set(state.leftOf(playRun.hosts));
  const failed = playRun.hosts.filter((one) => !left.has(one));
  const work = await elsewhere.work(playRun, { hosts: batch.hosts, failed }, host, state.signal);
  for (const status of Object.keys(work.counts) as (keyof HostWork["counts"])[])
    progress.counts[status] += work.counts[status];
  progress.pendingHandlers = work.pendingHandlers;
  progress.durationMs += work.durationMs;
  progress.counters = sumOfCounters([progress.counters, work.counters]);
  return work;
}

/** Does the work of one host in a play for a run that is led by another process: what ends batches and plays is decided there. */
export async function workHere(
  state: RunState,
  playRun: PlayRun,
  batch: { hosts: readonly string[]; failed: readonly string[] },
  host: string,
): Promise<HostWork> {
  for (const one of batch.failed) state.setOutcome(state.progressOf(one), "failed");
  state.forget(host);
  await state.sessions.forgetFailed(host);
  const progress = state.progressOf(host);
  const started = performance.now();
  const batchRun = { ...playRun, batch: new Batch(batch.hosts, 1, "free"), course: { isEnded: false } };
  const { end, isFatal } = await connectAndConverge(state, batchRun, host, progress);
  await state.sessions.release(host);
  const { counts, pendingHandlers } = progress;
  const counters = await state.sessions.takeCounters(host);
  return {
    end,
    isFatal,
    counts,
    pendingHandlers,
    durationMs: Math.round(performance.now() - started),
    ...present("counters", counters),
  };
}

async function connectAndConverge(
  state: RunState,
  batchRun: BatchRun,
  host: string,
  progress: HostProgress,
): Promise<{ end: HostEnd; isFatal: boolean }> {
  const { options } = state;
  const { keywords } = batchRun.play;
  const variables = await variablesOf(state, batchRun, host);
  progress.variables = variables;
  const scope = variables.scopeOf({ keywords });
  try {
    const isOpened = state.sessions.isOpened(host);
    const connected = sessionWith(state, batchRun, host, scope);
    connected.catch(() => undefined);
    const session = isOpened ? await connected : state.sessions.unconnected(host, scope);
    const context = contextOf(state, batchRun, progress, { session, connected }, variables);
    const end = await convergeHost(context);
    progress.pendingHandlers = context.session.handlers.pending;
    const isFatal = context.isFatal || (end === "unreachable" && isOn(keywords.anyErrorsFatal, scope));
    return { end, isFatal };
  } catch (error) {
    if (error instanceof Interrupted) return { end: "interrupted", isFatal: false };
    if (!(error instanceof TransportError)) throw error;
    options.emit({
      type: "host-unreachable",
      time: now(),
      host,
      code: error.code,
      message: options.secrets.redact(error.message),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
    return { end: "unreachable", isFatal: isOn(keywords.anyErrorsFatal, scope) };
  }
}

/** Where the play ignores that a host can't be reached, a session that is lost: each task tries again. */
async function sessionWith(
  { sessions }: RunState,
  { play }: BatchRun,
  host: string,
  scope: Scope,
): Promise<HostSession> {
  try {
    const session = await sessions.with(host, scope);
    if (session.isLost) await session.reconnect();
    return session;
  } catch (error) {
    if (!(error instanceof TransportError) || !isOn(play.keywords.ignoreUnreachable, scope)) throw error;
    return sessions.lost(host, scope, error);
  }
}

function contextOf(
  state: RunState,
  batchRun: BatchRun,
  progress: HostProgress,
  { session, connected }: Pick<HostContext, "session" | "connected">,
  variables: HostVariables,
): HostContext {
  const { options } = state;
  const doneAhead: HostContext["doneAhead"] = new Map();
  return {
    host: session.name,
    play: batchRun.play,
    session,
    connected,
    variables,
    options: {
      checkMode: options.checkMode,
      diffMode: options.diffMode,
      selects: (task) => selectsTask(task, options) && !state.leftOut.has(task),
      defaultUser: options.defaultUser,
      watcher: options.watcher,
      isDone: options.isDone,
      told: options.told,
      mayJoin: options.wants === undefined && options.observe === undefined,
      observe: options.observe,
    },
    hooks: hooksOf(state, batchRun, session.name),
    secrets: options.secrets,
    counts: progress.counts,
    emit: (event) => options.emit({ ...event, time: now() }),
    isStopping: () => state.stopping && doneAhead.size === 0,
    get changesPending() {
      return progress.changesPending;
    },
    set changesPending(pending) {
      progress.changesPending = pending;
      if (pending) state.isAnythingPending = true;
    },
    isAnythingPending: () => state.isAnythingPending,
    prepared: new Map(),
    doneAhead,
    expansions: new Map(),
    checkedRoles: new Set(),
    transactions: { depth: 0 },
    lastFailure: undefined,
    isFatal: false,
    endedRoles: new Set(),
    failedHandlers: new Set(),
    dueAgain: new Set(),
    lookahead: LOOK_AHEAD_ALL,
  };
}

function hooksOf(state: RunState, batchRun: BatchRun, host: string): PlayHooks {
  const { options, sessions, files } = state;
  const { batch, course, play, playbook } = batchRun;
  const { ask } = options;
  return {
    ask: ask && ((key, question, signal) => batch.ask(key, question, () => ask(question, signal))),
    stopping: state.signal,
    once: (taskId, one, run) => batch.once(taskId, one, run),
    throttle: (taskId, most, act) => batch.throttle(taskId, most, act),
    wants: (task) => {
      const { wants } = options;
      return wants === undefined ? Promise.resolve(true) : batch.wants(task.id, () => wants(task));
    },
    arrive: (place) => batch.arrive(host, place),
    turn: async () => {
      await batch.turn(host);
      if (state.stopping) throw new Interrupted();
    },
    goesAlone: () => batch.goesAlone,
    end: (what) => {
      batch.end();
      if (what === "play") course.isEnded = true;
    },
    isEnded: () => batch.isEnded,
    lookAtNames: (layer) => state.reservedNames.lookAt([layer]),
    tellOnce: (warning) => state.reservedNames.tell(warning),
    clearHostErrors: () => clearHostErrors(state, batchRun),
    refreshInventory: () => state.refreshInventory(),
    variablesOf: async (other) => {
      const there = state.progressOf(other);
      there.variables ??= await variablesOf(state, batchRun, other);
      return there.variables;
    },
    sessionWith: async (other) => {
      const there = await variablesOf(state, batchRun, other);
      const delegate = await sessions.borrow(other, there.scopeOf({ keywords: play.keywords }));
      if (delegate.isLost) await delegate.reconnect();
      await unlessStopped(state.signal, delegate.begin());
      return delegate;
    },
    breather: () => state.breathers.next(),
    expectedFacts: (address) => options.expectedFacts?.of(host, address),
    keepFacts: async (address, facts, expected) =>
      options.expectedFacts?.keep(host, address, facts, expected),
    cacheFacts: async (other, facts) => {
      if (options.factCache === undefined) return;
      const { cacheFacts } = await import("./fact-cache.ts");
      await cacheFacts(options.factCache, other, facts);
    },
    controllerFor: (task, scope) => files.controllerFor(task, scope, playbook.file),
  };
}

/** Hosts that have failed take part in the plays that follow, and count as if they had not; so it is in Ansible. */
async function clearHostErrors(state: RunState, { hosts }: PlayRun): Promise<void> {
  for (const host of hosts) {
    const progress = state.progressOf(host);
    if (progress.outcome !== "failed" && progress.outcome !== "unreachable") continue;
    state.setOutcome(progress, "ok");
    await state.sessions.forgetFailed(host);
  }
}

function variablesOf(state: RunState, { batch, ...playRun }: BatchRun, host: string): Promise<HostVariables> {
  return variablesInPlay(state, { ...playRun, batchHosts: batch.hosts }, host, (other) =>
    batch.isBehind(other, host),
  );
}

function hasFailed(state: RunState, host: string): boolean {
  return ["failed", "unreachable"].includes(state.progressOf(host).outcome);
}

function tooManyFailed(state: RunState, play: Play, batch: readonly string[]): boolean {
  if (play.maxFailPercentage === undefined) return false;
  const failed = batch.filter((host) => state.progressOf(host).outcome !== "ok").length;
  return (failed / batch.length) * 100 > play.maxFailPercentage;
}

function now(): string {
  return new Date().toISOString();
}
