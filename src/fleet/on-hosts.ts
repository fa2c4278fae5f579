import { hostname, userInfo } from "node:os";
import pLimit from "p-limit";
import type { HostSession } from "../converge/host-session.ts";
import { HostVariables } from "../converge/host-variables.ts";
import { hostsMatching } from "../inventory/pattern.ts";
import { groupAndHostVariables } from "../inventory/variable-layers.ts";
import { NOTHING_INHERITED } from "../playbook/load-context.ts";
import { TransportError } from "../transport/transport.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { openAll } from "../variables/vault/vaulted-value.ts";
import { thisProcess } from "./controller-process.ts";
import type { RunOptions } from "./run-options.ts";
import { Sessions } from "./sessions.ts";

export interface HostAnswer<Answer> {
  host: string;
  answer?: Answer;
  error?: TransportError;
  durationMs: number;
}

/**
 * Does one thing on every host that a pattern names, without a playbook. Hosts that can't be reached give an error, in the same list.
 *
 * @throws DiagnosticsError for a pattern that matches nothing.
 */
export async function onHosts<Answer>(
  pattern: string,
  options: RunOptions,
  ask: (session: HostSession) => Promise<Answer>,
): Promise<HostAnswer<Answer>[]> {
  const { inventory, limit } = options;
  const within = limit === undefined ? undefined : new Set(hostsMatching(limit, inventory));
  const hosts = hostsMatching(pattern, inventory).filter((host) => within?.has(host) ?? true);
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
  const answers = await Promise.all(hosts.map((host) => limited(() => askOne(host, options, sessions, ask))));
  await sessions.closeAll();
  return answers;
}

async function askOne<Answer>(
  host: string,
  options: RunOptions,
  sessions: Sessions,
  ask: (session: HostSession) => Promise<Answer>,
): Promise<HostAnswer<Answer>> {
  const started = performance.now();
  const keyring = options.keyring ?? new Keyring(options.secrets);
  const inventory = await groupAndHostVariables(options.inventory, host, {
    playbookFolder: undefined,
    keyring,
  });
  const variables = new HostVariables({
    inventory,
    play: [],
    keyring,
    extra: options.extraVariables,
    magic: { level: "magic variables", variables: new Map() },
  });
  const scope = variables.scopeOf({
    keywords: NOTHING_INHERITED,
  });
  // What the host says may have any of them in it.
  if (keyring.passwords.length > 0) {
    for (const layer of inventory) for (const { value } of layer.variables.values()) openAll(value, scope);
  }
  try {
    const answer = await ask(await sessions.with(host, scope));
    return { host, answer, durationMs: Math.round(performance.now() - started) };
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    return { host, error, durationMs: Math.round(performance.now() - started) };
  } finally {
    await sessions.release(host);
  }
}
