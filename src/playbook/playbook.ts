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
  /** The roles that are known when the play starts, dependencies first: every task of the play sees their defaults and vars, as in Ansible. */
  roles: readonly RoleContext[];
  /** `connection`, `port` and `remote_user` as the variables that say the same. Every other level of variables wins over them. */
  connection: ReadonlyMap<string, SourcedVariable>;
  variables: ReadonlyMap<string, SourcedVariable>;
  variableFiles: readonly Templated[];
  gatherFacts: boolean;
  /** In which order hosts come to their turn. */
  order: "inventory" | "reverse_inventory" | "sorted" | "reverse_sorted" | "shuffle";
  /** Batch sizes: hosts or percentages; empty for all hosts at once. */
  /** linear: no host acts on a task before all have done with the one before. free: each at its own pace. */
  strategy: "linear" | "free";
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

export type Node = Task | Block | Include;

/** What a play hands down to blocks and a block to tasks; the loader merges it, so that every task has its final keywords. */
export interface InheritedKeywords {
  /** True, false, or what gives one of them; so are the other keywords of this kind. */
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
  /** At most so many hosts are at the task. */
  throttle?: number;
  /** `when` of the node itself and of every block (and role) around it, outermost first. All must hold. */
  when: readonly Condition[];
  /** `vars` of the blocks around and of the node itself, outermost first. */
  variables: readonly ReadonlyMap<string, SourcedVariable>[];
  /** `vars` of the includes and the items of their loops that led here, outermost first: they win over what tasks set (Ansible's include params). */
  includeVariables: readonly ReadonlyMap<string, SourcedVariable>[];
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
  loop?: Loop;
  register?: string;
  /** Names of handlers or `listen` topics. */
  notify: readonly Templated[];
  /** Only of handlers: topics it listens to. */
  listen: readonly string[];
  changedWhen?: readonly Condition[];
  failedWhen?: readonly Condition[];
  until?: readonly Condition[];
  /** How often to try again, and the seconds between two tries: see repetition.ts. */
  retries?: Templated;
  delay?: Templated;
  role?: RoleContext;
  at: SourceRange;
}

export interface Loop {
  items: Templated;
  variable: string;
  indexVariable?: string;
  label?: Templated;
  pauseMs?: number;
}

/**
 * A file of tasks or a role that can't be pulled in when the playbook is loaded: its name is a template, it stands in a loop whose items nobody knows
 * yet, or its tasks change what its `when` depends on. Everything else that `include_*` names is loaded with the playbook and checked with it.
 */
export interface Include {
  kind: "include";
  /** Stands for the include in lists of tasks and in events; its `when` is evaluated once, for each item, and not by the tasks inside. */
  task: Task;
  /** Name of the file or the role. */
  target: Templated;
  /**
   * Loads what is included, for one host and item.
   *
   * @param target what `target` came to.
   * @param pass of its loop; what the tasks inside see of it.
   * @throws DiagnosticsError for a file or role that is not there, is wrong, or includes itself without end.
   */
  expand(target: string, pass?: IncludePass): Promise<Expansion>;
}

/** One item of an include's loop. */
export interface IncludePass {
  index: number;
  variables: ReadonlyMap<string, SourcedVariable>;
}

/** What an include came to. */
export interface Expansion {
  nodes: readonly Node[];
  /** Handlers that the play has from now on. */
  handlers: readonly Task[];
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
  /** The role that pulled it in, as a dependency or by an import. */
  parent?: RoleContext;
  /** Roles that it depends on: it sees their defaults and vars, below its own. */
  dependencies: readonly RoleContext[];
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
