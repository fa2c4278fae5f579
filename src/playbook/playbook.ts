import type { Diagnostic, SourceRange } from "../diagnostics/diagnostic.ts";
import type { BecomeMethod } from "../transport/transport.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Expression, Templated, TemplatedEntry } from "../variables/templated.ts";
import type { Value } from "../variables/value.ts";

/** A playbook file, loaded and checked: every role and import read, every template and expression compiled. */
export interface Playbook {
  file: string;
  plays: readonly Play[];
  /** What is questionable in its files; a run tells of it. */
  warnings: readonly Diagnostic[];
}

export interface Play {
  /** As it is shown: its hosts, where it has no name. */
  name: string;
  isNamed: boolean;
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
  /** `vars_prompt`: asked for before the run. */
  prompts: readonly VariablePrompt[];
  variableFiles: readonly Templated[];
  gatherFacts: boolean;
  /** `gather_subset`: which facts tasks see; empty for all. */
  gatherSubset: readonly string[];
  /** In which order hosts come to their turn. */
  order: "inventory" | "reverse_inventory" | "sorted" | "reverse_sorted" | "shuffle";
  /** linear: no host acts on a task before all have done with the one before. free: each at its own pace. */
  strategy: "linear" | "free";
  /** Batch sizes: hosts or percentages; empty for all hosts at once. */
  serial: readonly (number | { percent: number })[];
  maxFailPercentage?: number;
  /** The keywords above as they are written: templates in them are rendered when the run is planned (play-keywords.ts). */
  written: readonly TemplatedEntry[];
  keywords: InheritedKeywords;
}

/** A variable that a person is asked for. */
export interface VariablePrompt {
  name: string;
  /** What is asked. */
  prompt: string;
  /** The answer is not shown while it is typed, and is a secret. */
  isPrivate: boolean;
  /** Asked twice, until both answers are the same. */
  confirm: boolean;
  default?: string;
  /** The variable is the hash of the answer, as in /etc/shadow. */
  encrypt?: "sha512" | "sha256";
  salt?: string;
  saltSize: number;
  at: SourceRange;
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
  /** Options for sudo or su, as a shell would read them. */
  becomeFlags?: Templated;
  becomeExe?: Templated;
  environment: readonly Templated[];
  tags: readonly string[];
  noLog?: Templated;
  ignoreErrors?: Templated;
  ignoreUnreachable?: Templated;
  checkMode?: Templated;
  diff?: Templated;
  delegateTo?: Templated;
  delegateFacts?: Templated;
  runOnce?: Templated;
  /** A failure ends the play for all hosts. */
  anyErrorsFatal?: Templated;
  /** Seconds that the task may take; 0 for no limit. */
  timeout?: Templated;
  /** At most so many hosts are at the task; 0 for no limit. */
  throttle?: Templated;
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
  /** Seconds that the task may take as a job of its own on the host; 0 for none. */
  async?: Templated;
  /** Seconds between two looks at the job; 0 leaves it alone. */
  poll?: Templated;
  role?: RoleContext;
  at: SourceRange;
}

export interface Loop {
  items: Templated;
  variable: string;
  indexVariable?: string;
  label?: Templated;
  pauseMs?: number;
  /** What `ansible_loop` tells besides the index. */
  extended: "no" | "yes" | "without-items";
  /** The loop ends after the first item for which all of these hold. */
  breakWhen?: readonly Condition[];
}

/**
 * A file of tasks, a role, or a block in a loop, that can't be pulled in when the playbook is loaded: its name is a template, it stands in a loop whose items nobody knows
 * yet, or its tasks change what its `when` depends on. Everything else that `include_*` names is loaded with the playbook and checked with it.
 */
export interface Include {
  kind: "include";
  /** Stands for the include in lists of tasks and in events; its `when` is evaluated once, for each item, and not by the tasks inside. */
  task: Task;
  /** Name of the file or the role; of a block, nothing. */
  target: Templated;
  /** What it comes to as far as can be known, where its name is: for lists and checks. */
  inside?: readonly Node[];
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
  /** What is questionable in it. */
  warnings: readonly Diagnostic[];
}

export interface Block {
  kind: "block";
  id: string;
  name?: Templated;
  block: readonly Node[];
  rescue: readonly Node[];
  always: readonly Node[];
  /** What the tasks in `block` have replaced on a host is put back there when one of them fails. */
  transaction: boolean;
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
  together: readonly TogetherRule[];
}

/** What several options must be together: Ansible's mutually_exclusive, required_together, required_one_of, required_if and required_by. */
export interface TogetherRule {
  kind: "exclusive" | "together" | "one-of" | "if" | "by";
  names: readonly string[];
  /** Of "if": the option and the value that make the names required, and whether one of them will do. Of "by": the option. */
  when?: { name: string; value?: Value; any?: boolean };
  at: SourceRange;
}

export interface RoleOption {
  type: "str" | "int" | "float" | "bool" | "list" | "dict" | "path" | "raw" | "json" | "bytes" | "bits";
  description: string;
  required: boolean;
  default?: Templated;
  choices?: readonly (string | number | boolean)[];
  elements?: RoleOption["type"];
  options?: ReadonlyMap<string, RoleOption>;
  /** Of the options inside. */
  together: readonly TogetherRule[];
  secret: boolean;
  at: SourceRange;
}
