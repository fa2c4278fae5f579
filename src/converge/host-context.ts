import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { NeededChange, NoChange } from "../modules/change.ts";
import type { Controller } from "../modules/module.ts";
import type { Question, StepOutput } from "../modules/step.ts";
import type { Expansion, Play, RoleContext, Task } from "../playbook/playbook.ts";
import type { Facts } from "../queries/facts.ts";
import type { Answered } from "../queries/query.ts";
import type { Scope } from "../variables/scope.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { ValueMap } from "../variables/value.ts";
import type { Event, TaskCounts, TaskReference } from "./event.ts";
import type { HostSession, TaskUser } from "./host-session.ts";
import type { HostVariables } from "./host-variables.ts";
import type { StepFailure } from "./perform-options.ts";
import type { Place } from "./place.ts";
import type { Prepared } from "./prepare.ts";
import type { TaskEnd } from "./task-result.ts";
import type { Watcher } from "./watcher.ts";

/** What was asked for on the command line, for every host. */
export interface ConvergeOptions {
  checkMode: boolean;
  diffMode: boolean;
  /** Whether a task takes part, by its tags. */
  selects(task: Task): boolean;
  /** Told of each pass of a task before its conditions are looked at, for `plumb why`. */
  observe?: ((task: Task, scope: Scope) => void) | undefined;
  /** Used where neither the playbook nor the inventory says anything of become. */
  defaultUser: TaskUser;
  /** Plans: see watcher.ts. */
  watcher?: Watcher | undefined;
  /** `--resume`: what can't be asked about was done by the run that is gone on with. */
  isDone?: ((host: string, task: TaskReference) => boolean) | undefined;
  /** Whether changes between which nothing has to be decided may be made together: not where somebody is asked about each. */
  mayJoin: boolean;
  /** Workers: resolves when what was told is safe, so that no change is begun that nobody has heard of. */
  told?: (() => Promise<void>) | undefined;
}

/** What hosts of a play share. */
export interface PlayHooks {
  /** One host runs the task, and its result is every host's. */
  once(taskId: string, host: string, run: () => Promise<TaskEnd>): Promise<TaskEnd>;
  /** At most so many hosts are at a task at once. */
  throttle<Type>(taskId: string, most: number, act: () => Promise<Type>): Promise<Type>;
  /** `--step`: whether the person at the terminal wants the task to run; asked once for all hosts. */
  wants(task: Task): Promise<boolean>;
  /** Asks the person at the terminal, if there is one: once for all hosts that ask the same under one key. */
  ask: ((key: string, question: Question, signal: AbortSignal) => Promise<string>) | undefined;
  /** Aborts when the run is being stopped. */
  stopping: AbortSignal;
  /** The host has come to a task. */
  arrive(place: Place): void;
  /** Resolves when this host may act: with `strategy: linear`, when no other host of its batch is behind. @throws Interrupted */
  turn(): Promise<void>;
  /** Whether no other host waits for this one, or counts on what it has yet to do. */
  goesAlone(): boolean;
  /** Ends the play, or this batch of it, for all hosts. */
  end(what: "play" | "batch"): void;
  /** Whether somebody has ended it. */
  isEnded(): boolean;
  /** Hosts of the play that have failed or could not be reached take part in the plays that follow. */
  clearHostErrors(): Promise<void>;
  /** Reads the inventory anew, for the plays that follow. */
  refreshInventory(): Promise<void>;
  /** The variables of another host, to set facts there. */
  variablesOf(host: string): Promise<HostVariables>;
  /** A session with another host of the inventory, for delegate_to. @throws TransportError, DiagnosticsError */
  sessionWith(host: string): Promise<HostSession>;
  /** Resolves when this host may begin with work that takes a while: one host after the other. */
  breather(): Promise<void>;
  /** What the host's facts were in the last run, as far as they last; undefined where nothing is known. */
  expectedFacts(address: string): Facts | undefined;
  /** Keeps the host's facts for the next run, where they are not as expected. */
  keepFacts(address: string, facts: Facts, expected: Facts | undefined): Promise<void>;
  /** Tells, once a run, of variables that somebody sets and that Plumb sets itself. */
  lookAtNames(layer: VariableLayer): void;
  /** Tells of what is questionable in what was included, once a run. */
  tellOnce(warning: Diagnostic): void;
  /** Keeps facts of a host for later runs. */
  cacheFacts(host: string, facts: ValueMap): Promise<void>;
  /** Files and templates as a task sees them. */
  controllerFor(task: Task, scope: Scope, host: string): Controller;
}

/** One host in one play. */
export interface HostContext {
  host: string;
  play: Play;
  /** Until the host is connected, a session with which nothing can be done. */
  session: HostSession;
  /** @throws TransportError */
  connected: Promise<HostSession>;
  variables: HostVariables;
  /** Stand in for the host's facts while what to ask is found out and it has said nothing yet. */
  expectedFacts?: Facts;
  options: ConvergeOptions;
  hooks: PlayHooks;
  secrets: Secrets;
  counts: TaskCounts;
  emit(event: UntimedEvent): void;
  /** Soft stop: true after the first Ctrl-C, when all that was done has been told. Checked before each task. */
  isStopping(): boolean;
  /** In check mode: a task before would have changed something. */
  changesPending: boolean;
  /** In check mode: a task on any host of the run would have. */
  isAnythingPending(): boolean;
  /** Work done while looking ahead, by pass; thrown away when a variable changes that it may have used. */
  prepared: Map<string, Prepared>;
  /** Changes that were made together with one before them, by pass: see join-changes.ts. */
  doneAhead: Map<string, DoneAhead>;
  /** What includes came to, by include, name and item. */
  expansions: Map<string, Expansion>;
  /** Roles whose variables have been checked. */
  checkedRoles: Set<RoleContext>;
  /** How many blocks with `transaction: true` are around what is under way. */
  transactions: { depth: number };
  /** The last task that failed, and was not ignored. */
  lastFailure: { task: Task; name: string; result: ValueMap } | undefined;
  /** The failure that ended the host ends the play for all: `any_errors_fatal`. */
  isFatal: boolean;
  /** Roles that `meta: end_role` has ended. */
  endedRoles: Set<RoleContext>;
  /** Handlers that failed: they stay to be done, but not in this run. */
  failedHandlers: Set<Task>;
  /** Handlers that an earlier run left to do, and a task that notifies them has had its turn. */
  dueAgain: Set<string>;
  /** How many tasks are asked for together: see ask-ahead.ts. */
  lookahead: number;
}

/** What was done, or found to be as wanted, in one trip with an earlier change, before its turn. */
export type DoneAhead =
  | { kind: "change"; prepared: Prepared; change: NeededChange; title: string; end: PartEnd }
  | { kind: "nothing"; prepared: Prepared; change: NoChange };

/** Without `answers` of the moment behind it, what is known now says whether it has come to what was wanted. */
export type PartEnd =
  | { kind: "done"; outputs: readonly StepOutput[]; answers?: ReadonlyMap<string, Answered<unknown>> }
  | { kind: "failed"; error: StepFailure };

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** An event whose time is added by whoever emits it. */
export type UntimedEvent = DistributiveOmit<Event, "time">;
