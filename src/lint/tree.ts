import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Play, RoleContext, Task } from "../playbook/playbook.ts";
import type { SourcedVariable } from "../variables/sourced.ts";

/** Everything that was found under the paths that lint was given, read once for all rules. */
export interface LintTree {
  files: readonly SourceFile[];
  /** Files that stand elsewhere and that the playbooks use, such as shipped roles: what they use is used, and nothing is said of them. */
  elsewhere: readonly SourceFile[];
  /** Playbooks were found in a folder. Of one that is named by itself nobody knows what others beside it use. */
  hasFolderOfPlaybooks: boolean;
  playbooks: readonly LintedPlaybook[];
  /** Undefined where no inventory was found or named: then nobody knows which variables hosts have. */
  inventory: Inventory | undefined;
  /** Variables of files under group_vars and host_vars, and of inventories. */
  inventoryVariables: readonly LintedVariable[];
  /** Names that -e gives. */
  extraNames: ReadonlySet<string>;
}

/** A text file of the tree. */
export interface SourceFile {
  /** As it is shown to people. */
  file: string;
  text: string;
  kind: FileKind;
}

export type FileKind =
  | "playbook"
  | "inventory"
  | "role"
  | "tasks"
  | "variables"
  | "specification"
  | "template"
  | "other";

/** A playbook with its plays; or a role that no playbook uses, as a play of its own. */
export interface LintedPlaybook {
  file: string;
  plays: readonly LintedPlay[];
  /** It stands for a role, or a file of its tasks, that nothing in the tree uses. */
  isForRole: boolean;
}

export interface LintedPlay {
  play: Play;
  /** Every task, those of roles and includes too. */
  tasks: readonly Task[];
  handlers: readonly Task[];
  /** Roles of the play and of its tasks. */
  roles: readonly RoleContext[];
  /** What the files say that `vars_files` and `include_vars` name. */
  fileVariables: readonly LintedVariable[];
  /** Includes that may set and, where they are of tasks, notify anything. */
  notFollowed: readonly NotFollowed[];
}

/** An include that was not looked into. */
export interface NotFollowed {
  what: "include_tasks" | "include_role" | "include_vars" | "vars_files";
  at: SourceRange;
  /** Why not: ends the sentence "lint could not follow this". */
  why: string;
}

/** Whether tasks were included that nobody has seen. */
export function hasUnseenTasks({ notFollowed }: LintedPlay): boolean {
  return notFollowed.some(({ what }) => what === "include_tasks" || what === "include_role");
}

export interface LintedVariable {
  name: string;
  variable: SourcedVariable;
  /** "role defaults" and the like, for messages. */
  level: string;
}

/** Every task of every play, each place in a file once. */
export function tasksOf(tree: LintTree): { task: Task; play: LintedPlay; isHandler: boolean }[] {
  const seen = new Set<string>();
  const all = tree.playbooks.flatMap(({ plays }) =>
    plays.flatMap((play) => [
      ...play.tasks.map((task) => ({ task, play, isHandler: false })),
      ...play.handlers.map((task) => ({ task, play, isHandler: true })),
    ]),
  );
  return all.filter(({ task: { at } }) => {
    const place = `${at.file}:${at.line}:${at.column}`;
    return seen.size < seen.add(place).size;
  });
}

/** Every role that a play uses, each folder once. */
export function rolesOf(tree: LintTree): RoleContext[] {
  const roles = tree.playbooks.flatMap(({ plays }) => plays.flatMap((play) => play.roles));
  return [...new Map(roles.map((role) => [role.path, role])).values()];
}

/** Every variable that a file defines: of roles, plays, blocks, tasks and the inventory. */
export function variablesOf(tree: LintTree): LintedVariable[] {
  const of = (level: string, variables: ReadonlyMap<string, SourcedVariable>): LintedVariable[] =>
    [...variables].map(([name, variable]) => ({ name, variable, level }));
  const all = [
    ...rolesOf(tree).flatMap((role) => [
      ...of("role defaults", role.defaults),
      ...of("role vars", role.variables),
    ]),
    ...tree.playbooks.flatMap(({ plays }) => plays.flatMap(({ play }) => of("play vars", play.variables))),
    ...tasksOf(tree).flatMap(({ task: { keywords } }) =>
      [...keywords.variables, ...keywords.includeVariables].flatMap((layer) => of("task vars", layer)),
    ),
    ...tree.playbooks.flatMap(({ plays }) => plays.flatMap(({ fileVariables }) => fileVariables)),
    ...tree.inventoryVariables,
  ];
  const seen = new Set<string>();
  return all.filter(({ name, variable: { at } }) => {
    const place = `${at?.file}:${at?.line}:${at?.column}:${name}`;
    return at !== undefined && seen.size < seen.add(place).size;
  });
}

/** Files of which it can be said that nothing uses what stands in them: of a role or an inventory beside a playbook that is named by itself others may use it. */
export function filesToJudge({ files, hasFolderOfPlaybooks }: LintTree): ReadonlySet<string> {
  const judged = files.filter(({ kind }) => hasFolderOfPlaybooks || kind === "playbook");
  return new Set(judged.map(({ file }) => file));
}
