import { hostname, userInfo } from "node:os";
import type { HostRecap, RunFinished } from "../converge/event.ts";
import { EVENT_SCHEMA_VERSION } from "../converge/event.ts";
import { redactEvent } from "../converge/redact-event.ts";
import { type Diagnostic, diagnosticSummary, inputError } from "../diagnostics/diagnostic.ts";
import { misspeltGroups } from "../inventory/optional-groups.ts";
import { leavesOf } from "../playbook/leaves.ts";
import type { Include, Play, Task } from "../playbook/playbook.ts";
import { present } from "../playbook/present.ts";
import { tasksBefore } from "../playbook/start-at-task.ts";
import type { ShellUser } from "../transport/transport.ts";
import { literalOf } from "../variables/evaluate.ts";
import { checkConnections } from "./check-connections.ts";
import { thisProcess } from "./controller-process.ts";
import { type PlannedPlay, planPlays } from "./plan-plays.ts";
import type { RunOptions } from "./run-options.ts";
import { runPlay } from "./run-play.ts";
import { RunState } from "./run-state.ts";
import { Sessions, sumOfCounters } from "./sessions.ts";

/**
 * Runs playbooks on the hosts of an inventory, and tells of it in events. Never throws for what a host does; what it returns says how it ended.
 *
 * @throws DiagnosticsError for patterns that match nothing, before any host is touched.
 */
export async function run(given: RunOptions): Promise<RunFinished> {
  const options: RunOptions = { ...given, emit: (event) => given.emit(redactEvent(event, given.secrets)) };
  const startedMs = performance.now();
  const startedAt = new Date();
  const { state, plays } = openRun(options, startedAt);
  const { sessions } = state;
  options.emit({
    type: "run-started",
    time: startedAt.toISOString(),
    schema: EVENT_SCHEMA_VERSION,
    runId: options.runId,
    playbooks: options.playbooks.map(({ file }) => file),
    checkMode: options.checkMode,
    diffMode: options.diffMode,
    forks: options.forks,
  });
  tellMisspeltGroups(options, plays);
  try {
    await runPlays(state, plays);
  } catch (error) {
    // A connection that stays open would keep the process from ending.
    await sessions.closeAll();
    throw error;
  }
  const finished: RunFinished = {
    type: "run-finished",
    time: new Date().toISOString(),
    runId: options.runId,
    outcome: "ok",
    hosts: await recaps(state),
    durationMs: Math.round(performance.now() - startedMs),
  };
  const ended = { ...finished, outcome: outcomeOf(state, finished.hosts) };
  options.emit(ended);
  await sessions.closeAll();
  return ended;
}

/**
 * Everything that is needed before the first play.
 *
 * @throws DiagnosticsError for patterns that match nothing.
 */
export function openRun(
  options: RunOptions,
  startedAt: Date,
): { state: RunState; plays: readonly PlannedPlay[] } {
  const { playbooks, startAtTask } = options;
  const plays = planPlays(options);
  requireHosts(plays, options);
  const leftOut = startAtTask === undefined ? new Set<Task | Include>() : tasksBefore(playbooks, startAtTask);
  const sessions = new Sessions(options, {
    lockOwner: {
      runId: options.runId,
      who: `${userInfo().username}@${hostname()}`,
      since: startedAt.toISOString(),
      controller: thisProcess(),
    },
    checkMode: options.checkMode,
    stateUser: stateUser(options),
    undoRuns: options.undoRuns ?? 10,
  });
  const state = new RunState(options, sessions, leftOut);
  return { state, plays };
}

/** Of a play whose hosts are found later, nobody can tell which groups there will be. */
function tellMisspeltGroups({ inventory, emit }: RunOptions, plays: readonly PlannedPlay[]): void {
  for (const { message, hint, at } of misspeltGroups(known(plays), inventory)) {
    const diagnostic: Diagnostic = {
      severity: "warning",
      code: "misspelt-group",
      message,
      hint,
      ...present("at", at),
    };
    emit({
      type: "warning",
      time: new Date().toISOString(),
      message: `${diagnosticSummary(diagnostic)}: ${hint}`,
      diagnostic,
    });
  }
}

const known = (plays: readonly PlannedPlay[]): Play[] =>
  plays.flatMap(({ run: play }) => (play === undefined ? [] : [play.play]));

/** Whether a host takes part in any of these plays. Of one that finds its hosts later, nobody can tell. */
function neededBy(plays: readonly PlannedPlay[]): (host: string) => boolean {
  if (plays.some(({ run: play }) => play === undefined)) return () => true;
  const hosts = new Set(plays.flatMap(({ run: play }) => play?.hosts ?? []));
  return (host) => hosts.has(host);
}

async function runPlays(state: RunState, plays: readonly PlannedPlay[]): Promise<void> {
  await state.prepareHostvars();
  await checkConnections(
    state,
    plays.flatMap(({ run: play }) => (play === undefined ? [] : [play])),
  );
  for (const [index, { run: planned, plan }] of plays.entries()) {
    if (state.stopping) {
      state.leaveUndone(planned?.hosts ?? []);
      continue;
    }
    const play = planned === undefined || state.isInventoryNew ? plan(state.inventory) : planned;
    if (!isLeftOut(play.play, state.leftOut)) await runPlay(state, play, neededBy(plays.slice(index + 1)));
  }
}

/** Plumb's state on a host is root's, wherever a play of this run may become root. */
function stateUser(options: RunOptions): ShellUser {
  const method = options.defaultUser.becomeMethod;
  const becomes =
    options.defaultUser.become || options.playbooks.some((playbook) => playbook.plays.some(playBecomes));
  return becomes ? { kind: "become", user: "root", method } : { kind: "login" };
}

/** Whether `--start-at-task` starts after all of a play. */
function isLeftOut({ sections }: Play, leftOut: ReadonlySet<Task | Include>): boolean {
  const leaves = leavesOf(sections.flatMap(({ nodes }) => nodes));
  return leaves.length > 0 && leaves.every((leaf) => leftOut.has(leaf));
}

function playBecomes(play: Play): boolean {
  const leaves = leavesOf([...play.sections.flatMap(({ nodes }) => nodes), ...play.handlers]);
  const tasks = leaves.map((leaf) => (leaf.kind === "include" ? leaf.task : leaf));
  return tasks.some(({ keywords }) => keywords.become !== undefined && literalOf(keywords.become) !== false);
}

async function recaps(state: RunState): Promise<HostRecap[]> {
  return Promise.all(
    state.hostsInOrder.map(async ([host, progress]) => ({
      host,
      outcome: progress.outcome,
      counts: progress.counts,
      pendingHandlers: progress.pendingHandlers,
      durationMs: progress.durationMs,
      ...present("counters", sumOfCounters([progress.counters, await state.sessions.countersOf(host)])),
    })),
  );
}

function outcomeOf(state: RunState, hosts: readonly HostRecap[]): RunFinished["outcome"] {
  if (state.stopReason === "interrupted") return "interrupted";
  if (hosts.some(({ outcome }) => outcome === "failed")) return "failed";
  return hosts.some(({ outcome }) => outcome === "unreachable") ? "unreachable" : "ok";
}

/** @throws DiagnosticsError when a limit leaves no host of any play. */
function requireHosts(plays: readonly PlannedPlay[], { inventory, limit }: RunOptions): void {
  if (plays.some(({ run: play }) => play === undefined || play.hosts.length > 0)) return;
  if (limit !== undefined) throw inputError("no-hosts", `no play has a host within --limit ${limit}`);
  const first = plays[0]?.run?.play;
  const [misspelt] = misspeltGroups(known(plays), inventory);
  throw inputError("no-hosts", "no play has a host", {
    ...present("at", misspelt?.at ?? first?.hosts.at ?? first?.at),
    ...present("hint", misspelt && `${misspelt.message}: ${misspelt.hint}`),
  });
}
