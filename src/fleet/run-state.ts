import path from "node:path";
import type { Stopping, TaskCounts } from "../converge/event.ts";
import { HostVariables } from "../converge/host-variables.ts";
import { noCounts } from "../converge/no-counts.ts";
import type { HostEnd } from "../converge/stop-host.ts";
import { problemsIn, withAllProblems } from "../diagnostics/all-problems.ts";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { groupAndHostVariables } from "../inventory/variable-layers.ts";
import { NOTHING_INHERITED } from "../playbook/load-context.ts";
import type { Include, Playbook, Task } from "../playbook/playbook.ts";
import type { TransportCounters } from "../transport/transport.ts";
import { lazyMap } from "../variables/lazy-map.ts";
import { PendingOnHost } from "../variables/scope.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { ValueMap } from "../variables/value.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { watchedMap } from "../variables/watched-map.ts";
import { Breathers } from "./breathers.ts";
import { ControllerFiles } from "./controller-files.ts";
import { magicVariablesForOthers } from "./magic-variables.ts";
import { problemsOfVariableFiles } from "./play-variable-files.ts";
import { ReservedNames } from "./reserved-names.ts";
import type { RunOptions } from "./run-options.ts";
import { Sessions } from "./sessions.ts";
import { shownFolder } from "./shown-folder.ts";

/** How far a host has come in a run. */
export interface HostProgress {
  outcome: Exclude<HostEnd, "ended">;
  counts: TaskCounts;
  changesPending: boolean;
  /** Known once the host has come to its turn: its facts, registered results and what tasks have set hold in later plays too, and for other hosts. */
  variables: HostVariables | undefined;
  pendingHandlers: readonly string[];
  durationMs: number;
  /** Of connections that others had. */
  counters: TransportCounters | undefined;
}

/** What a run knows beyond its options: connections, progress of hosts, files read. */
export class RunState {
  readonly options: RunOptions;
  readonly sessions: Sessions;
  readonly files: ControllerFiles;
  readonly keyring: Keyring;
  /** Tasks that `--start-at-task` leaves out. */
  readonly leftOut: ReadonlySet<Task | Include>;
  readonly breathers = new Breathers();
  readonly reservedNames: ReservedNames;
  #inventory: Inventory;
  readonly #progress = new Map<string, HostProgress>();
  readonly #layers = new Map<Playbook, ReadonlyMap<string, readonly VariableLayer[]>>();
  readonly #stop = new AbortController();
  #stopping: Stopping["reason"] | undefined;
  #outcomes = 0;
  readonly #left = new WeakMap<readonly string[], { outcomes: number; hosts: string[] }>();
  readonly #others = new WeakMap<Playbook, Map<string, { version: number; values: ValueMap }>>();
  /** In check mode: a task on some host would have changed something. */
  isAnythingPending = false;

  constructor(options: RunOptions, sessions: Sessions, leftOut: ReadonlySet<Task | Include>) {
    this.options = options;
    this.leftOut = leftOut;
    this.reservedNames = new ReservedNames(options.emit);
    this.#inventory = options.inventory;
    this.sessions = sessions;
    this.keyring = options.keyring ?? new Keyring(options.secrets);
    this.files = new ControllerFiles(this.keyring);
    options.stopping.addEventListener("abort", () => this.stop("interrupted"));
    if (options.stopping.aborted) this.stop("interrupted");
  }

  get inventory(): Inventory {
    return this.#inventory;
  }

  /** The inventory is not the one that the run began with. */
  get isInventoryNew(): boolean {
    return this.#inventory !== this.options.inventory;
  }

  /** Reads the inventory anew. @throws DiagnosticsError */
  async refreshInventory(): Promise<void> {
    this.#inventory = (await this.options.readInventory?.()) ?? this.#inventory;
    await this.prepareHostvars();
  }

  /** To look at variables only: nobody is connected. */
  static withoutConnections(options: RunOptions): RunState {
    const lockOwner = { runId: options.runId, who: "", since: "", controller: "-" };
    const sessions = new Sessions(options, {
      lockOwner,
      checkMode: true,
      stateUser: { kind: "login" },
      undoRuns: 0,
    });
    return new RunState(options, sessions, new Set());
  }

  /** Hosts finish the step under way and take no further task. */
  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  get stopReason(): Stopping["reason"] | undefined {
    return this.#stopping;
  }

  stop(reason: Stopping["reason"]): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = reason;
    this.#stop.abort();
    this.options.emit({ type: "stopping", time: new Date().toISOString(), reason });
  }

  progressOf(host: string): HostProgress {
    let progress = this.#progress.get(host);
    if (progress === undefined) {
      progress = {
        outcome: "ok",
        counts: noCounts(),
        changesPending: false,
        variables: undefined,
        pendingHandlers: [],
        durationMs: 0,
        counters: undefined,
      };
      this.#progress.set(host, progress);
    }
    return progress;
  }

  /** The host begins anew, as if it had never been seen. */
  forget(host: string): void {
    this.#progress.delete(host);
  }

  setOutcome(progress: HostProgress, outcome: HostProgress["outcome"]): void {
    if (progress.outcome !== outcome) this.#outcomes += 1;
    progress.outcome = outcome;
  }

  /** The run is stopped before these have had their turn: they are not done, though nothing was wrong with them. */
  leaveUndone(hosts: readonly string[]): void {
    for (const host of hosts) {
      const progress = this.progressOf(host);
      if (progress.outcome === "ok") this.setOutcome(progress, "interrupted");
    }
  }

  /** Those of a play's hosts that have not failed and could be reached. Put together once for all who ask before the next one fails. */
  leftOf(hosts: readonly string[]): string[] {
    let left = this.#left.get(hosts);
    if (left?.outcomes !== this.#outcomes) {
      const isLeft = (host: string): boolean => ["ok", "interrupted"].includes(this.outcomeOf(host));
      left = { outcomes: this.#outcomes, hosts: hosts.filter(isLeft) };
      this.#left.set(hosts, left);
    }
    return left.hosts;
  }

  get hostsInOrder(): readonly [string, HostProgress][] {
    return [...this.#progress];
  }

  inventoryLayers(host: string, playbook: Playbook | undefined): Promise<readonly VariableLayer[]> {
    return groupAndHostVariables(this.inventory, host, {
      playbookFolder: playbook === undefined ? undefined : shownFolder(path.dirname(playbook.file)),
      keyring: this.keyring,
    });
  }

  /** How a host has fared, and what is known of it, without making it seem to take part. */
  outcomeOf(host: string): HostProgress["outcome"] {
    return this.#progress.get(host)?.outcome ?? "ok";
  }

  variablesOf(host: string): HostVariables | undefined {
    return this.#progress.get(host)?.variables;
  }

  /** Reads the group_vars and host_vars of every host, so that `hostvars` has them at hand: files are shared, so this is one look a host. */
  async prepareHostvars(): Promise<void> {
    await withAllProblems(this.options.playbooks, async (playbook) => {
      const layers = new Map<string, readonly VariableLayer[]>();
      const problems = await problemsIn(this.inventory.hosts.keys(), async (host) => {
        layers.set(host, await this.inventoryLayers(host, playbook));
      });
      problems.push(...(await problemsOfVariableFiles(playbook, this.keyring)));
      if (problems.length > 0) throw new DiagnosticsError(problems);
      this.#layers.set(playbook, layers);
      for (const warning of playbook.warnings) this.reservedNames.tell(warning);
      for (const some of layers.values()) this.reservedNames.lookAt(some);
    });
    this.reservedNames.lookAt([this.options.extraVariables]);
  }

  /** What other hosts see of a host: its inventory variables, its facts, and what tasks have set on it. Put together once for all who look, and anew when it has changed. */
  variablesForOthers(host: string, playbook: Playbook): ValueMap {
    const all = this.#others.get(playbook) ?? new Map<string, { version: number; values: ValueMap }>();
    this.#others.set(playbook, all);
    const version = this.#versionForOthers(host);
    const known = all.get(host);
    if (known?.version === version) return known.values;
    const values = this.#makeVariablesForOthers(host, playbook);
    all.set(host, { version, values });
    return values;
  }

  #makeVariablesForOthers(host: string, playbook: Playbook): ValueMap {
    const variables = new HostVariables({
      inventory: this.#layers.get(playbook)?.get(host) ?? [],
      play: [],
      keyring: this.keyring,
      extra: this.options.extraVariables,
      magic: magicVariablesForOthers(host, this.inventory, {
        playbook,
        checkMode: this.options.checkMode,
        diffMode: this.options.diffMode,
        run: this.options,
      }),
    });
    // A host that takes no part in the run has made no progress, and looking at it must not make it seem so.
    const progress = this.#progress.get(host);
    if (progress?.variables !== undefined) variables.takeOver(progress.variables);
    const scope = variables.scopeOf({
      keywords: NOTHING_INHERITED,
    });
    const values: ValueMap = {};
    for (const name of scope.names()) {
      Object.defineProperty(values, name, { enumerable: true, get: () => scope.lookup(name) });
    }
    return values;
  }

  /** How often tasks or facts have changed what others see of a host. */
  #versionForOthers(host: string): number {
    return this.#progress.get(host)?.variables?.version ?? -1;
  }

  /**
   * The variables of every host, by name, as they are now. Each host's are put together when somebody looks at them: looking at one host of thousands must not
   * cost the rest.
   *
   * @param isBehind whether another host of the play has yet to come to where the one that looks is: what it may set until then is pending.
   */
  hostvars(playbook: Playbook, isBehind: (host: string) => boolean): ValueMap {
    return lazyHostvars(this, playbook, isBehind);
  }

  /** Aborts when the run is being stopped. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }
}

/** A mapping whose entries are put together when they are looked at, and anew when they have changed. */
function lazyHostvars(state: RunState, playbook: Playbook, isBehind: (host: string) => boolean): ValueMap {
  const { hosts } = state.inventory;
  return lazyMap({
    names: () => hosts.keys(),
    // As in Ansible, it can be asked for where no source names it, and is not among those that are listed.
    has: (host) => hosts.has(host) || host === "localhost",
    get: (host) =>
      // A name that a host does not have may be set by a task that it has yet to come to.
      watchedMap(state.variablesForOthers(host, playbook), (name) => {
        if (isBehind(host) || state.variablesOf(host)?.mayBecomeKnown(name) === true)
          throw new PendingOnHost(host, name);
      }),
  });
}
