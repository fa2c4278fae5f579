import { MAGIC_NAMES } from "../playbook/magic-names.ts";
import { namesSetByTask } from "../playbook/names-set-by.ts";
import type { RoleContext, Task } from "../playbook/playbook.ts";
import type { LintedPlaybook, LintTree } from "./tree.ts";

/** Names that some level defines; "any" where only a run tells which. */
export type KnownNames = ReadonlySet<string> | "any";

const MAGIC: ReadonlySet<string> = new Set(MAGIC_NAMES);

/** Variables that Plumb sets by itself: of the play, of a loop, of facts and connections. */
export function isBuiltIn(name: string): boolean {
  return MAGIC.has(name) || name.startsWith("ansible_") || name === "role_path" || name === "role_name";
}

/** Names that are known in every play of a playbook: of the inventory, of -e, and what any task of any play sets, for facts outlast their play. */
export function namesOfPlaybook(tree: LintTree, playbook: LintedPlaybook): KnownNames {
  const names = new Set<string>([...tree.extraNames, ...tree.inventoryVariables.map(({ name }) => name)]);
  for (const { play, tasks, handlers, fileVariables, notFollowed } of playbook.plays) {
    if (notFollowed.length > 0) return "any";
    const asked = [...play.prompts, ...fileVariables].map(({ name }) => name);
    for (const name of [...play.variables.keys(), ...play.connection.keys(), ...asked]) names.add(name);
    for (const task of [...tasks, ...handlers]) for (const name of namesSetByTask(task)) names.add(name);
    for (const role of play.roles) for (const name of namesOfRole(role)) names.add(name);
  }
  return names;
}

/** What a role defines or declares, with the roles it depends on and those that pulled it in. */
export function namesOfRole(role: RoleContext, seen: Set<RoleContext> = new Set()): string[] {
  if (seen.has(role)) return [];
  seen.add(role);
  const around = [...role.dependencies, ...(role.parent === undefined ? [] : [role.parent])];
  return [
    ...role.defaults.keys(),
    ...role.variables.keys(),
    ...role.parameters.keys(),
    ...(role.specification?.options.keys() ?? []),
    ...around.flatMap((one) => namesOfRole(one, seen)),
  ];
}

/** What a task sees besides: its own and its blocks' variables, its loop's, its role's. */
export function namesOfTask(task: Task): Set<string> {
  const { keywords, loop, role } = task;
  return new Set([
    ...[...keywords.variables, ...keywords.includeVariables].flatMap((layer) => [...layer.keys()]),
    ...(loop === undefined ? [] : [loop.variable, loop.indexVariable ?? loop.variable]),
    ...(role === undefined ? [] : namesOfRole(role)),
  ]);
}
