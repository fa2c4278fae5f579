import { problemsIn } from "../diagnostics/all-problems.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Include, IncludePass, Node, Play, RoleContext, Task } from "../playbook/playbook.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { LintedPlay, LintedVariable, NotFollowed } from "./tree.ts";
import { type ReadVariables, variablesOfPlay, variablesOfTask } from "./variable-files.ts";
import { writtenNames } from "./written-names.ts";

export interface PlayReading {
  keyring: Keyring;
  /** Of the playbook; absolute. */
  playbookFolder: string;
  /** What is wrong in what is included is added here. */
  problems: Diagnostic[];
}

/** Includes inside one another: deeper is not looked. */
const DEEPEST = 10;

/** Every task of a play; of includes those whose name is written out; and the variables of the files that it names. */
export async function lintedPlay(play: Play, reading: PlayReading): Promise<LintedPlay> {
  const { problems } = reading;
  const tasks: Task[] = [];
  const handlers: Task[] = [...play.handlers];
  const notFollowed: NotFollowed[] = [];
  const visit = async (nodes: readonly Node[], way: readonly string[]): Promise<void> => {
    for (const node of nodes) {
      if (node.kind === "task") tasks.push(node);
      else if (node.kind === "block") await visit([...node.block, ...node.rescue, ...node.always], way);
      else await include(node, way);
    }
  };
  const include = async (node: Include, way: readonly string[]): Promise<void> => {
    tasks.push(node.task);
    const targets = targetsOf(node);
    const isDeep = way.length >= DEEPEST;
    if (targets === undefined || isDeep) {
      const why = isDeep ? `it is ${DEEPEST} includes deep` : "its name is made of what only a run tells";
      notFollowed.push({ what: includeName(node.task), at: node.target.at ?? node.task.at, why });
      return;
    }
    for (const { target, pass } of targets) {
      const step = placeOf(node.task, target);
      // It includes itself until a condition fails: what is in there has been looked at.
      if (way.includes(step)) continue;
      const found = await problemsIn([target], async () => {
        const expansion = await node.expand(target, pass);
        handlers.push(...expansion.handlers);
        problems.push(...expansion.warnings);
        await visit(expansion.nodes, [...way, step]);
      });
      // A condition may leave out the item whose file is not there.
      const mayBeLeftOut = targets.length > 1 && node.task.keywords.when.length > 0;
      problems.push(...found.filter(({ code }) => !mayBeLeftOut || code !== "file-not-found"));
    }
  };
  for (const { nodes } of play.sections) await visit(nodes, []);
  const files = await filesOf(play, [...tasks, ...handlers], reading);
  const roles = new Set<RoleContext>(play.roles);
  for (const { role } of [...tasks, ...handlers]) addRole(roles, role);
  return {
    play,
    tasks,
    handlers,
    roles: [...roles],
    fileVariables: files.fileVariables,
    notFollowed: [...notFollowed, ...files.notFollowed],
  };
}

async function filesOf(
  play: Play,
  tasks: readonly Task[],
  reading: PlayReading,
): Promise<Pick<LintedPlay, "fileVariables" | "notFollowed">> {
  const fileVariables: LintedVariable[] = [];
  const notFollowed: NotFollowed[] = [];
  const add = (read: ReadVariables, level: string): void => {
    for (const [name, variable] of read.variables) fileVariables.push({ name, variable, level });
    notFollowed.push(...read.notFollowed);
    reading.problems.push(...read.problems);
  };
  add(await variablesOfPlay(play, reading), "vars_files");
  for (const task of tasks.filter(({ module }) => module === "include_vars"))
    add(await variablesOfTask(task, reading), "include_vars");
  return { fileVariables, notFollowed };
}

/** What an include leads to, where that is written out, or made of items that are; undefined where only a host tells. */
function targetsOf({
  target,
  task,
}: Include): { target: string; pass: IncludePass | undefined }[] | undefined {
  return writtenNames(target, task)?.map(({ value, pass }) => ({ target: String(value ?? ""), pass }));
}

function includeName({ module }: Task): NotFollowed["what"] {
  return module === "include_role" ? "include_role" : "include_tasks";
}

function placeOf({ at: { file, line, column } }: Task, target: string): string {
  return `${file}:${line}:${column} ${target}`;
}

function addRole(roles: Set<RoleContext>, role: RoleContext | undefined): void {
  if (role === undefined || roles.has(role)) return;
  roles.add(role);
  addRole(roles, role.parent);
  for (const dependency of role.dependencies) addRole(roles, dependency);
}
