import type { NeededChange } from "../modules/change.ts";
import type { Subject } from "../modules/subject.ts";
import type { Task } from "../playbook/playbook.ts";
import type { Facts } from "../queries/facts.ts";
import type { Scope } from "../variables/scope.ts";
import type { TaskReference } from "./event.ts";

/** What a change was computed from: the answer to each of the task's questions without what changes by itself, and the facts of the host. */
export interface Basis {
  answers: ReadonlyMap<string, unknown>;
  facts: Facts;
}

/** What a task is about, whether or not there is something to change. */
export interface Concern {
  /** The keys of its questions. */
  questions: readonly unknown[];
  subjects: readonly Subject[];
}

/** Whoever makes a plan, or holds a run to one. Never needed for the run itself. */
export interface Watcher {
  /** Check mode: a change is needed, or a command would be run. Called before the task is told to be over. */
  predicted?(host: string, task: TaskReference, basis: Basis): void;
  /** Before the first step of a change: why it must not be made; undefined when it may be. */
  objection?(host: string, task: TaskReference, change: NeededChange): string | undefined;
  /** A pass of a task knows what it is about. */
  concerned?(host: string, task: Task, concern: Concern): void;
  /** The conditions of a task, or of one of its items, do not hold. */
  passedOver?(host: string, task: Task, scope: Scope): void;
}
