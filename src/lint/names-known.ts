import path from "node:path";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { MAGIC_NAMES } from "../playbook/magic-names.ts";
import type { RoleContext, Task } from "../playbook/playbook.ts";
import { isA } from "../playbook/role-files.ts";
import { literalOf } from "../variables/evaluate.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import type { LintedPlaybook, LintTree } from "./tree.ts";

/** Names that some level defines; "any" where only a run tells which. */
export type KnownNames = ReadonlySet<string> | "any";

const MAGIC: ReadonlySet<string> = new Set(MAGIC_NAMES);

/** Variables that Plumb sets by itself: of the play, of a loop, of facts and connections. */
export function isBuiltIn(name: string): boolean {
  return MAGIC.has(name) || name.startsWith("ansible_") || name === "role_path" || name === "role_name";
}

/** Names that are known in every play of a playbook: of the inventory, of -e, and what any task of any play sets, for facts outlast their play. */
export async function namesOfPlaybook(tree: LintTree, playbook: LintedPlaybook): Promise<KnownNames> {
  const names = new Set<string>([...tree.extraNames, ...tree.inventoryVariables.map(({ name }) => name)]);
  for (const { play, tasks, handlers, isOpen } of playbook.plays) {
    if (isOpen) return "any";
    const asked = play.prompts.map(({ name }) => name);
    for (const name of [...play.variables.keys(), ...play.connection.keys(), ...asked]) names.add(name);
    for (const file of play.variableFiles) {
      const read = await namesInFile(literalOf(file), [path.dirname(path.resolve(playbook.file))]);
      if (read === "any") return "any";
      for (const name of read) names.add(name);
    }
    for (const task of [...tasks, ...handlers]) {
      const set = await namesSet(task, playbook);
      if (set === "any") return "any";
      for (const name of set) names.add(name);
    }
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

async function namesSet(task: Task, playbook: LintedPlaybook): Promise<readonly string[] | "any"> {
  const names = task.register === undefined ? [] : [task.register];
  if (task.module === "set_fact") names.push(...task.parameters.map(({ key }) => key));
  if (task.module !== "include_vars") return names;
  const given = new Map(task.parameters.map(({ key, value }) => [key, literalOf(value)]));
  const holder = given.get("name");
  if (typeof holder === "string") return [...names, holder];
  const file = given.get("file") ?? given.get("_raw_params");
  const folders = [
    ...(task.role === undefined ? [] : [path.join(task.role.path, "vars"), task.role.path]),
    path.dirname(path.resolve(task.at.file)),
    path.dirname(path.resolve(playbook.file)),
  ];
  const read = await namesInFile(file, folders);
  return read === "any" ? "any" : [...names, ...read];
}

async function namesInFile(written: unknown, folders: readonly string[]): Promise<readonly string[] | "any"> {
  if (typeof written !== "string") return "any";
  for (const folder of folders) {
    const file = path.resolve(folder, written);
    if (!isA("file", file)) continue;
    try {
      return [...(await readVariablesFile(file, new Keyring())).keys()];
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      return "any";
    }
  }
  return "any";
}
