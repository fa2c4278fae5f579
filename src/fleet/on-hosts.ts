import { hostname, userInfo } from "node:os";
import pLimit from "p-limit";
import type { HostSession } from "../converge/host-session.ts";
import { HostStateError } from "../converge/host-state-error.ts";
import { Interrupted } from "../converge/interrupted.ts";
import { present } from "../transport/present.ts";
import { TransportError, type TransportErrorCode } from "../transport/transport.ts";
import { thisProcess } from "./controller-process.ts";
import { type HostSettings, settingsOfHosts } from "./host-settings.ts";
import type { RunOptions } from "./run-options.ts";
import { Sessions } from "./sessions.ts";

export interface HostAnswer<Answer> {
  host: string;
  answer?: Answer;
  error?: HostProblem;
  durationMs: number;
}

/** Why a host has given no answer: the message names it. */
export interface HostProblem {
  code: TransportErrorCode | "interrupted" | "no-answer";
  message: string;
  hint?: string;
}

/**
 * Does one thing on every host that a pattern names, without a playbook. Hosts that can't be reached, or give no answer, give an error, in the same list.
 *
 * @throws DiagnosticsError for a pattern that matches nothing, and for what is wrong with how to connect to any of the hosts, before the first one is touched.
 */
export async function onHosts<Answer>(
  pattern: string,
  options: RunOptions,
  ask: (session: HostSession) => Promise<Answer>,
): Promise<HostAnswer<Answer>[]> {
  const named = await settingsOfHosts(pattern, options);
  const sessions = new Sessions(options, {
    lockOwner: {
      runId: options.runId,
      who: `${userInfo().username}@${hostname()}`,
      since: new Date().toISOString(),
      controller: thisProcess(),
    },
    checkMode: true,
    stateUser: { kind: "login" },
    undoRuns: 0,
  });
  const limited = pLimit(options.forks);
  try {
    return await Promise.all(named.map((host) => limited(() => askOne(host, options, sessions, ask))));
  } finally {
    await sessions.closeAll();
  }
}

async function askOne<Answer>(
  { host, scope }: HostSettings,
  options: RunOptions,
  sessions: Sessions,
  ask: (session: HostSession) => Promise<Answer>,
): Promise<HostAnswer<Answer>> {
  const started = performance.now();
  try {
    const answer = await ask(await sessions.with(host, scope));
    return { host, answer, durationMs: Math.round(performance.now() - started) };
  } catch (error) {
    const durationMs = Math.round(performance.now() - started);
    const problem = problemOf(host, error, options);
    if (problem === undefined) throw error;
    return { host, error: problem, durationMs };
  } finally {
    await sessions.release(host);
  }
}

/** Why there is no answer; undefined for what is no host's fault. */
function problemOf(host: string, error: unknown, { aborting }: RunOptions): HostProblem | undefined {
  if (error instanceof Interrupted || aborting.aborted)
    return { code: "interrupted", message: `${host}: stopped before it had answered` };
  if (error instanceof TransportError) {
    const { code, message, hint } = error;
    return { code, message, ...present("hint", hint) };
  }
  if (error instanceof HostStateError)
    return { code: "no-answer", message: `${host}: ${error.message}`, hint: error.hint };
  return undefined;
}
