import { isBecome } from "../converge/prepare.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { connectionSettings } from "../inventory/connection-variables.ts";
import { PendingVariable } from "../variables/scope.ts";
import type { PlayRun } from "./run-play.ts";
import type { RunState } from "./run-state.ts";
import { variablesInPlay } from "./variables-in-play.ts";

/** What is wrong with how to connect: everything else that variables may not come to yet is told when it is needed. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(["wrong-type", "invalid-option"]);

/**
 * Looks at the connection variables of all hosts of all plays, before the first host is touched. What only facts or earlier plays tell is left for the time when the host is
 * connected, and so is all of a run of one host, which is connected at once.
 *
 * @throws DiagnosticsError with each fault once, whatever the number of hosts that have it.
 */
export async function checkConnections(state: RunState, plays: readonly PlayRun[]): Promise<void> {
  const isOnce = new Set(plays.flatMap(({ hosts }) => hosts)).size <= 1;
  if (isOnce) return;
  const faults = new Map<string, { diagnostic: Diagnostic; hosts: Set<string> }>();
  for (const playRun of plays) {
    const view = { ...playRun, batchHosts: playRun.hosts };
    for (const host of playRun.hosts) {
      for (const diagnostic of await faultsOf(state, view, host)) {
        const { code, message, at } = diagnostic;
        const key = at === undefined ? message : `${code} ${at.file}:${at.line}:${at.column}`;
        const known = faults.get(key) ?? { diagnostic, hosts: new Set<string>() };
        known.hosts.add(host);
        faults.set(key, known);
      }
    }
  }
  if (faults.size > 0) throw new DiagnosticsError([...faults.values()].map(told));
}

async function faultsOf(
  state: RunState,
  view: PlayRun & { batchHosts: readonly string[] },
  host: string,
): Promise<readonly Diagnostic[]> {
  try {
    const variables = await variablesInPlay(state, view, host, () => true);
    const scope = variables.scopeOf({ keywords: view.play.keywords });
    connectionSettings(host, scope, state.options.connection);
    const become = scope.lookup("ansible_become");
    if (become !== undefined) isBecome(become, scope);
    return [];
  } catch (error) {
    if (error instanceof PendingVariable) return [];
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics.filter(({ code }) => OF_CONNECTIONS.has(code));
  }
}

function told({ diagnostic, hosts }: { diagnostic: Diagnostic; hosts: ReadonlySet<string> }): Diagnostic {
  const more = hosts.size - 1;
  if (more === 0) return diagnostic;
  return {
    ...diagnostic,
    message: `${diagnostic.message} (and so for ${more} more ${more === 1 ? "host" : "hosts"})`,
  };
}
