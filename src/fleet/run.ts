import { hostname, userInfo } from "node:os";
import type { HostRecap, RunFinished } from "../converge/event.ts";
import { EVENT_SCHEMA_VERSION } from "../converge/event.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import { hostsMatching } from "../inventory/pattern.ts";
import type { Node, Play, Playbook, Task } from "../playbook/playbook.ts";
import type { ShellUser } from "../transport/transport.ts";
import { evaluate, literalOf } from "../variables/evaluate.ts";
import { createScope } from "../variables/host-scope.ts";
import type { RunOptions } from "./run-options.ts";
import { type PlayRun, runPlay } from "./run-play.ts";
import { RunState } from "./run-state.ts";
import { Sessions } from "./sessions.ts";

/**
 * Runs playbooks on the hosts of an inventory, and tells of it in events. Never throws for what a host does; what it returns says how it ended.
 *
 * @throws DiagnosticsError for patterns that match nothing, before any host is touched.
 */
export async function run(options: RunOptions): Promise<RunFinished> {
  const started = Date.now();
  const plays = planPlays(options);
  requireHosts(plays, options.limit);
  const sessions = new Sessions(options, {
    lockOwner: {
      runId: options.runId,
      who: `${userInfo().username}@${hostname()}`,
      since: new Date(started).toISOString(),
    },
    checkMode: options.checkMode,
    stateUser: stateUser(options),
  });
  const state = new RunState(options, sessions);
  options.emit({
    type: "run-started",
    time: new Date(started).toISOString(),
    schema: EVENT_SCHEMA_VERSION,
    runId: options.runId,
    playbooks: options.playbooks.map(({ file }) => file),
    checkMode: options.checkMode,
    diffMode: options.diffMode,
    forks: options.forks,
  });
  await state.prepareHostvars();
  for (const play of plays) {
    if (!state.stopping) await runPlay(state, play);
  }
  const finished: RunFinished = {
    type: "run-finished",
    time: new Date().toISOString(),
    runId: options.runId,
    outcome: "ok",
    hosts: await recaps(state),
    durationMs: Date.now() - started,
  };
  const ended = { ...finished, outcome: outcomeOf(state, finished.hosts) };
  options.emit(ended);
  await sessions.closeAll();
  return ended;
}

/** Which hosts each play runs on; found before the first of them starts. */
function planPlays(options: RunOptions): PlayRun[] {
  const { inventory, limit, playbooks, extraVariables } = options;
  const within = limit === undefined ? undefined : new Set(hostsMatching(limit, inventory));
  const scope = createScope({ layers: [extraVariables] });
  return playbooks.flatMap((playbook: Playbook) =>
    playbook.plays.map((play: Play, index) => {
      const value = evaluate(play.hosts, scope);
      const pattern = Array.isArray(value) ? value.map(String).join(",") : String(value);
      const isLocal = pattern === "localhost" && !inventory.hosts.has("localhost");
      const matched = isLocal ? ["localhost"] : hostsMatching(pattern, inventory);
      const hosts = isLocal || within === undefined ? matched : matched.filter((host) => within.has(host));
      return { playbook, play, playId: `${playbook.file}#${index}`, hosts: ordered(hosts, play.order) };
    }),
  );
}

/** The hosts in the order that `order:` asks for; as they come they are in the order of the inventory. */
function ordered(hosts: readonly string[], order: Play["order"]): readonly string[] {
  switch (order) {
    case "inventory":
      return hosts;
    case "reverse_inventory":
      return hosts.toReversed();
    case "sorted":
      return hosts.toSorted();
    case "reverse_sorted":
      return hosts.toSorted().reverse();
    case "shuffle":
      return hosts
        .map((host) => ({ host, place: Math.random() }))
        .sort((a, b) => a.place - b.place)
        .map(({ host }) => host);
  }
}

/** Plumb's state on a host is root's, wherever a play of this run may become root. */
function stateUser(options: RunOptions): ShellUser {
  const method = options.defaultUser.becomeMethod;
  const becomes =
    options.defaultUser.become || options.playbooks.some((playbook) => playbook.plays.some(playBecomes));
  return becomes ? { kind: "become", user: "root", method } : { kind: "login" };
}

function playBecomes(play: Play): boolean {
  const tasks = [...play.sections.flatMap(({ nodes }) => allTasks(nodes)), ...play.handlers];
  return tasks.some(({ keywords }) => keywords.become !== undefined && literalOf(keywords.become) !== false);
}

function allTasks(nodes: readonly Node[]): Task[] {
  return nodes.flatMap((node) =>
    node.kind === "block"
      ? [...allTasks(node.block), ...allTasks(node.rescue), ...allTasks(node.always)]
      : [node.kind === "task" ? node : node.task],
  );
}

async function recaps(state: RunState): Promise<HostRecap[]> {
  return Promise.all(
    state.hostsInOrder.map(async ([host, progress]) => {
      const session = await state.sessions.established(host);
      return {
        host,
        outcome: progress.outcome,
        counts: progress.counts,
        pendingHandlers: progress.pendingHandlers,
        durationMs: progress.durationMs,
        ...(session === undefined ? {} : { counters: session.counters() }),
      };
    }),
  );
}

function outcomeOf(state: RunState, hosts: readonly HostRecap[]): RunFinished["outcome"] {
  if (state.stopReason === "interrupted" || hosts.some(({ outcome }) => outcome === "interrupted"))
    return "interrupted";
  if (hosts.some(({ outcome }) => outcome === "failed")) return "failed";
  return hosts.some(({ outcome }) => outcome === "unreachable") ? "unreachable" : "ok";
}

/** @throws DiagnosticsError when a limit leaves no host of any play. */
function requireHosts(plays: readonly PlayRun[], limit: string | undefined): void {
  if (plays.some(({ hosts }) => hosts.length > 0)) return;
  throw inputError(
    "no-hosts",
    limit === undefined ? "no play has a host" : `no play has a host within --limit ${limit}`,
  );
}
