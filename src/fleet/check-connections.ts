import { isBecome } from "../converge/prepare.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { connectionSettings } from "../inventory/connection-variables.ts";
import { leavesOf } from "../playbook/leaves.ts";
import { literalOf } from "../variables/evaluate.ts";
import { PendingVariable, type Scope } from "../variables/scope.ts";
import { eachFaultOnce, type HostFault } from "./host-faults.ts";
import type { PlayRun } from "./run-play.ts";
import type { RunState } from "./run-state.ts";
import { variablesInPlay } from "./variables-in-play.ts";

/** What is wrong with how to connect: everything else that variables may not come to yet is told when it is needed. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(["wrong-type", "invalid-option"]);

/**
 * Looks at the connection variables of all hosts of all plays, and of those that tasks are delegated to by name, before the first host is touched. What only facts or earlier plays tell is left for the time when the host is
 * connected, and so is all of a run of one host, which is connected at once.
 *
 * @throws DiagnosticsError with each fault once, whatever the number of hosts that have it.
 */
export async function checkConnections(state: RunState, plays: readonly PlayRun[]): Promise<void> {
  const isOnce = new Set(plays.flatMap((run) => [...run.hosts, ...delegates(state, run)])).size <= 1;
  if (isOnce) return;
  const faults: HostFault[] = [];
  for (const playRun of plays) {
    const view = { ...playRun, batchHosts: playRun.hosts };
    for (const host of new Set([...playRun.hosts, ...delegates(state, playRun)])) {
      for (const diagnostic of await faultsOf(state, view, host)) {
        faults.push({ host, diagnostic });
      }
    }
  }
  if (faults.length > 0) throw new DiagnosticsError(eachFaultOnce(faults));
}

/** Hosts of the inventory that tasks are delegated to by their names. */
function delegates({ inventory }: RunState, { play }: PlayRun): string[] {
  const tasks = [...leavesOf(play.sections.flatMap(({ nodes }) => nodes)), ...play.handlers];
  return tasks.flatMap((leaf) => {
    const { delegateTo } = (leaf.kind === "include" ? leaf.task : leaf).keywords;
    const name = delegateTo === undefined ? undefined : literalOf(delegateTo);
    return typeof name === "string" && inventory.hosts.has(name) ? [name] : [];
  });
}

async function faultsOf(
  state: RunState,
  view: PlayRun & { batchHosts: readonly string[] },
  host: string,
): Promise<readonly Diagnostic[]> {
  let scope: Scope | undefined;
  const become = (): void => {
    const value = scope?.lookup("ansible_become");
    if (scope !== undefined && value !== undefined) isBecome(value, scope);
  };
  const variables = async (): Promise<void> => {
    scope = (await variablesInPlay(state, view, host, () => true)).scopeOf({ keywords: view.play.keywords });
    connectionSettings(host, scope, state.options.connection);
  };
  return [...(await faultsIn(variables)), ...(await faultsIn(become))];
}

async function faultsIn(read: () => Promise<void> | void): Promise<readonly Diagnostic[]> {
  try {
    await read();
    return [];
  } catch (error) {
    if (error instanceof PendingVariable) return [];
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics.filter(({ code }) => OF_CONNECTIONS.has(code));
  }
}
