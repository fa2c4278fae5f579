import type { EventSink, TaskReference } from "../converge/event.ts";
import type { TaskUser } from "../converge/host-session.ts";
import type { Watcher } from "../converge/watcher.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { ConnectionOverrides } from "../inventory/connection-variables.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Question } from "../modules/step.ts";
import type { Playbook, Task, VariablePrompt } from "../playbook/playbook.ts";
import type { Scope } from "../variables/scope.ts";
import type { SourcedVariable, VariableLayer } from "../variables/sourced.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { EarlyConnections } from "./early-connections.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { ExpectedFacts } from "./expected-facts.ts";

/** What a run is made of: all input is loaded and checked before it starts. */
export interface RunOptions {
  runId: string;
  inventory: Inventory;
  playbooks: readonly Playbook[];
  /** `--limit`: a host pattern. */
  limit?: string;
  /** Reads the inventory anew, for `meta: refresh_inventory`. */
  readInventory?(): Promise<Inventory>;
  /** `--start-at-task`: tasks before the first one of this name are left out. */
  startAtTask?: string;
  /** `--step`: whether a task is to run. Asked once a batch of hosts, one task after another. */
  wants?(task: Task): Promise<boolean>;
  /** Asks the person at the terminal, for `pause`. Absent where there is none. */
  ask?(question: Question, signal: AbortSignal): Promise<string>;
  tags: readonly string[];
  skipTags: readonly string[];
  extraVariables: VariableLayer;
  /** What was answered to `vars_prompt`. */
  answers?: ReadonlyMap<VariablePrompt, SourcedVariable>;
  /** Where facts that `set_fact` with `cacheable` sets are kept from one run to the next: a folder, or nowhere. */
  factCache?: string;
  /** What hosts said in earlier runs: saves a trip where they say it again. */
  expectedFacts?: ExpectedFacts;
  checkMode: boolean;
  diffMode: boolean;
  /** So many runs keep on each host what they replaced; 0 keeps nothing. Default 10. */
  undoRuns?: number;
  /** How many `-v` were given; 0 without. */
  verbosity?: number;
  /** What a dead run has left running on a host is ended, and not waited for. */
  takeOver?: boolean;
  /** Hosts worked on at once. */
  forks: number;
  connection: ConnectionOverrides;
  defaultUser: TaskUser;
  secrets: Secrets;
  /** Told of each pass of a task before its conditions are looked at, for `plumb why`. */
  observe?: (task: Task, scope: Scope) => void;
  /** Opens what is vaulted, and adds what is in it to the secrets; without, there are no passwords. */
  keyring?: Keyring;
  /** Connections that were opened while the playbooks were read. */
  early?: EarlyConnections;
  emit: EventSink;
  /** `--workers`: others do the work of hosts. */
  elsewhere?: Elsewhere;
  /** Plans: learns what predictions are made from, and may object to changes. */
  watcher?: Watcher;
  /** `--resume`: whether a task was run to its end by the run that is gone on with. */
  isDone?(host: string, task: TaskReference): boolean;
  /** Workers: resolves when what was told so far is where no end of this process loses it. Waited for before the first step of each change. */
  told?(): Promise<void>;
  /** First Ctrl-C: finish the step under way, then stop. */
  stopping: AbortSignal;
  /** Second Ctrl-C: stop now. */
  aborting: AbortSignal;
}
