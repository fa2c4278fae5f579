import { LOOK_AHEAD_ALL, tasksInOrder } from "../converge/ask-ahead.ts";
import { convergeHost, type HostEnd } from "../converge/converge-host.ts";
import type { HostContext } from "../converge/host-context.ts";
import { HostVariables } from "../converge/host-variables.ts";
import { Interrupted } from "../converge/interrupted.ts";
import type { Play, Playbook } from "../playbook/playbook.ts";
import { selectsTask } from "../playbook/tags.ts";
import { TransportError } from "../transport/transport.ts";
import { Batch } from "./batch.ts";
import { batchesOf } from "./batches.ts";
import { magicVariables } from "./magic-variables.ts";
import type { HostProgress, RunState } from "./run-state.ts";

/** One play of a run. */
export interface PlayRun {
  playbook: Playbook;
  play: Play;
  playId: string;
  /** The hosts of its pattern, within the limit, in order. */
  hosts: readonly string[];
}

/**
 * Runs a play on its hosts, batch by batch (`serial`), at most `forks` hosts at once. Hosts that failed or could not be reached in an earlier play are
 * left out, as in Ansible.
 */
export async function runPlay(state: RunState, playRun: PlayRun): Promise<void> {
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
  for (const some of batchesOf(hosts, playRun.play.serial)) {
    if (state.stopping) break;
    const batch = new Batch(some, options.forks, playRun.play.strategy);
    const release = (): void => batch.release();
    state.signal.addEventListener("abort", release);
    await Promise.all(some.map((host) => batch.work(host, () => runHost(state, playRun, batch, host))));
    state.signal.removeEventListener("abort", release);
  }
  options.emit({ type: "play-finished", time: now(), playId: playRun.playId });
}

async function runHost(state: RunState, playRun: PlayRun, batch: Batch, host: string): Promise<void> {
  const progress = state.progressOf(host);
  if (state.stopping) {
    progress.outcome = "interrupted";
    return;
  }
  const started = Date.now();
  const end = await connectAndConverge(state, playRun, batch, host, progress);
  progress.durationMs += Date.now() - started;
  progress.outcome = end === "ended" ? "ok" : end;
  if (end !== "failed" && end !== "unreachable") return;
  if (playRun.play.anyErrorsFatal) state.stop("any-errors-fatal");
  if (tooManyFailed(state, playRun.play, batch.hosts)) state.stop("max-fail-percentage");
}

async function connectAndConverge(
  state: RunState,
  playRun: PlayRun,
  batch: Batch,
  host: string,
  progress: HostProgress,
): Promise<HostEnd> {
  const { options, sessions, files } = state;
  const variables = await variablesOf(state, playRun, batch, host, progress);
  progress.variables = variables;
  const scope = variables.scopeOf({ keywords: playRun.play.keywords });
  try {
    const session = await sessions.with(host, scope);
    const context: HostContext = {
      host,
      play: playRun.play,
      session,
      variables,
      options: {
        checkMode: options.checkMode,
        diffMode: options.diffMode,
        selects: (task) => selectsTask(task, options),
        defaultUser: options.defaultUser,
      },
      hooks: {
        once: (taskId, _host, run) => batch.runOnce.once(taskId, run),
        throttle: (taskId, most, act) => batch.throttle(taskId, most, act),
        arrive: (place) => batch.arrive(host, place),
        turn: async () => {
          await batch.turn(host);
          if (state.stopping) throw new Interrupted();
        },
        sessionWith: async (other) => {
          const there = await variablesOf(state, playRun, batch, other, state.progressOf(other));
          const delegate = await sessions.with(other, there.scopeOf({ keywords: playRun.play.keywords }));
          await delegate.begin();
          return delegate;
        },
        controllerFor: (task, taskScope) => files.controllerFor(task, taskScope, playRun.playbook.file),
      },
      secrets: options.secrets,
      counts: progress.counts,
      emit: (event) => options.emit({ ...event, time: now() }),
      isStopping: () => state.stopping,
      get changesPending() {
        return progress.changesPending;
      },
      set changesPending(pending) {
        progress.changesPending = pending;
      },
      isAnythingPending: () => state.hostsInOrder.some(([, one]) => one.changesPending),
      prepared: new Map(),
      expansions: new Map(),
      checkedRoles: new Set(),
      lookahead: LOOK_AHEAD_ALL,
    };
    const end = await convergeHost(context);
    progress.pendingHandlers = session.pendingHandlers;
    return end;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    options.emit({
      type: "host-unreachable",
      time: now(),
      host,
      code: error.code,
      message: options.secrets.redact(error.message),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
    return "unreachable";
  }
}

async function variablesOf(
  state: RunState,
  playRun: PlayRun,
  batch: Batch,
  host: string,
  progress: HostProgress,
): Promise<HostVariables> {
  const { options } = state;
  const variables = new HostVariables({
    inventory: await state.inventoryLayers(host, playRun.playbook),
    play: await state.playLayers(playRun, host),
    connection: playRun.play.connection,
    roles: playRun.play.roles,
    keyring: state.keyring,
    extra: options.extraVariables,
    magic: magicVariables(host, options.inventory, {
      playbook: playRun.playbook,
      playHosts: playRun.hosts,
      batchHosts: batch.hosts,
      checkMode: options.checkMode,
      diffMode: options.diffMode,
      hostvars: state.hostvars(playRun.playbook, (other) => batch.isBehind(other, host)),
    }),
  });
  if (progress.variables !== undefined) variables.takeOver(progress.variables);
  return variables;
}

function tooManyFailed(state: RunState, play: Play, batch: readonly string[]): boolean {
  if (play.maxFailPercentage === undefined) return false;
  const failed = batch.filter((host) => state.progressOf(host).outcome !== "ok").length;
  return (failed / batch.length) * 100 > play.maxFailPercentage;
}

function now(): string {
  return new Date().toISOString();
}
