import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { BecomeMethod } from "../transport/transport.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Expression, Templated, TemplatedEntry } from "../variables/templated.ts";

/** A playbook file, loaded and checked: every role and import read, every template and expression compiled. */
export interface Playbook {
  file: string;
  plays: readonly Play[];
}

export interface Play {
  name: string;
  hosts: Templated;
  at: SourceRange;
  /** In the order in which they run: pre_tasks, roles (with their dependencies), tasks, post_tasks; handlers are flushed in between. */
  sections: readonly Section[];
  handlers: readonly Task[];
  variables: ReadonlyMap<string, SourcedVariable>;
  variableFiles: readonly Templated[];
  gatherFacts: boolean;
  /** Batch sizes: hosts or percentages; empty for all hosts at once. */
  serial: readonly (number | { percent: number })[];
  maxFailPercentage?: number;
  anyErrorsFatal: boolean;
  forceHandlers: boolean;
  keywords: InheritedKeywords;
}

export interface Section {
  kind: "pre_tasks" | "roles" | "tasks" | "post_tasks";
  nodes: readonly Node[];
}

export type Node = Task | Block;

/** What a play hands down to blocks and a block to tasks; the loader merges it, so that every task has its final keywords. */
export interface InheritedKeywords {
  become?: Templated;
  becomeUser?: Templated;
  becomeMethod?: BecomeMethod;
  environment: readonly Templated[];
  tags: readonly string[];
  noLog?: Templated;
  ignoreErrors?: Templated;
  ignoreUnreachable?: boolean;
  checkMode?: boolean;
  diff?: boolean;
  delegateTo?: Templated;
  runOnce?: boolean;
  timeoutMs?: number;
  /** `when` of the node itself and of every block (and role) around it, outermost first. All must hold. */
  when: readonly Condition[];
  /** `vars` of the blocks around and of the node itself, outermost first. */
  variables: readonly ReadonlyMap<string, SourcedVariable>[];
  /** module_defaults: module name to parameters. */
  moduleDefaults: ReadonlyMap<string, readonly TemplatedEntry[]>;
}

/** An expression that must be true or false. `when: "{{ x }}"` is refused by the loader with the CEL that is meant. */
export interface Condition {
  expression: Expression;
  at: SourceRange;
}

export interface Task {
  kind: "task";
  /** Unique within the playbook; stable between runs of the same file: `file:line:column` with the way that led there. */
  id: string;
  /** As written; a template is allowed. Absent: the view shows the module's name. */
  name?: Templated;
  /** The module's canonical name. */
  module: string;
  /** Parameters with their positions; `args:` merged in; free form of command, shell, script and raw as `_raw_params`. */
  parameters: readonly TemplatedEntry[];
  keywords: InheritedKeywords;
  loop?: { items: Templated; variable: string; indexVariable?: string; label?: Templated; pauseMs?: number };
  register?: string;
  /** Names of handlers or `listen` topics. */
  notify: readonly Templated[];
  /** Only of handlers: topics it listens to. */
  listen: readonly string[];
  changedWhen?: readonly Condition[];
  failedWhen?: readonly Condition[];
  until?: readonly Condition[];
  retries: number;
  delayMs: number;
  role?: RoleContext;
  at: SourceRange;
}

export interface Block {
  kind: "block";
  id: string;
  name?: Templated;
  block: readonly Node[];
  rescue: readonly Node[];
  always: readonly Node[];
  at: SourceRange;
}

/** A role as one play uses it: its variables, its files. Tasks of it point here. */
export interface RoleContext {
  name: string;
  /** Absolute path of the role's folder. */
  path: string;
  defaults: ReadonlyMap<string, SourcedVariable>;
  variables: ReadonlyMap<string, SourcedVariable>;
  /** `roles: - role: x, name: value` and `vars:` there. */
  parameters: ReadonlyMap<string, SourcedVariable>;
  /** From meta/argument_specs.yml or meta/variables.yml; checked before the role's first task, per host. */
  specification?: RoleSpecification;
  /** The role that pulled it in as a dependency, if one did. */
  parent?: RoleContext;
}

export interface RoleSpecification {
  description: string;
  options: ReadonlyMap<string, RoleOption>;
}

export interface RoleOption {
  type: "str" | "int" | "float" | "bool" | "list" | "dict" | "path" | "raw";
  description: string;
  required: boolean;
  default?: Templated;
  choices?: readonly (string | number | boolean)[];
  elements?: RoleOption["type"];
  options?: ReadonlyMap<string, RoleOption>;
  secret: boolean;
  at: SourceRange;
}
