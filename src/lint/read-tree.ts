import { existsSync } from "node:fs";
import path from "node:path";
import { type Diagnostic, DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { loadInventory } from "../inventory/load-inventory.ts";
import { groupAndHostVariables } from "../inventory/variable-layers.ts";
import { shownPath } from "../playbook/load-context.ts";
import {
  type Inspected,
  type InspectOptions,
  inspectPlaybook,
  inspectRole,
} from "../playbook/load-playbook.ts";
import { isA } from "../playbook/role-files.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { findFiles } from "./find-files.ts";
import { lintedPlay } from "./linted-play.ts";
import type { LintedPlaybook, LintedVariable, LintTree, SourceFile } from "./tree.ts";

export interface LintOptions {
  /** Inventories besides those that stand under the paths. */
  inventory: readonly string[];
  rolePaths: readonly string[];
  extraNames: ReadonlySet<string>;
  keyring: Keyring;
}

type LoadedFiles = InspectOptions["files"];

/** Reads everything under the paths; what is wrong with single files comes with it. @throws DiagnosticsError for a path that is not there */
export async function readTree(
  paths: readonly string[],
  options: LintOptions,
): Promise<{ tree: LintTree; problems: Diagnostic[] }> {
  const files = await findFiles(paths);
  const named = new Set(paths.map((one) => path.resolve(one)));
  const problems: Diagnostic[] = [];
  const loaded: LoadedFiles = new Map();
  const playbooks = await readPlaybooks(files, { ...options, files: loaded }, problems);
  const inventory = await readInventory(files, options, problems);
  if (inventory !== undefined)
    problems.push(...(await unreadableFiles(inventory, playbooks, options.keyring)));
  const tree: LintTree = {
    files,
    elsewhere: await filesElsewhere(files, playbooks, loaded),
    hasFolderOfPlaybooks: files.some(
      ({ file, kind }) => kind === "playbook" && !named.has(path.resolve(file)),
    ),
    playbooks,
    inventory,
    inventoryVariables: [
      ...inventoryVariables(inventory),
      ...(await variableFiles(files, inventory, { options, problems })),
    ],
    extraNames: options.extraNames,
  };
  return { tree, problems };
}

async function readPlaybooks(
  files: readonly SourceFile[],
  { rolePaths, keyring, files: loaded }: LintOptions & { files: LoadedFiles },
  problems: Diagnostic[],
): Promise<LintedPlaybook[]> {
  const loading = { rolePaths, keyring, files: loaded };
  const linted: LintedPlaybook[] = [];
  const add = async (file: string, inspected: Inspected, isForRole: boolean): Promise<void> => {
    // A role by itself may notify a handler of whoever uses it.
    problems.push(...inspected.problems.filter(({ code }) => !isForRole || code !== "unknown-handler"));
    const playbookFolder = path.dirname(path.resolve(file));
    const plays = await Promise.all(
      inspected.plays.map((play) => lintedPlay(play, { keyring, playbookFolder, problems })),
    );
    linted.push({ file, plays, isForRole });
  };
  for (const { file } of files.filter(({ kind }) => kind === "playbook"))
    await add(file, await inspectPlaybook(file, loading), false);
  for (const folder of roleFolders(files)) {
    const isUsed = linted.some(({ plays }) =>
      plays.some(({ roles }) => roles.some((role) => role.path === folder)),
    );
    if (!isUsed) await add(folder, await inspectRole(folder, loading), true);
  }
  // Files of tasks that a role includes by a name which only a host tells.
  for (const { file } of files.filter(({ kind }) => kind === "tasks")) {
    const [name = "", part, folder] = [
      path.basename(file),
      path.basename(path.dirname(file)),
      path.resolve(path.dirname(file), ".."),
    ];
    if (part !== "tasks" || loading.files.has(path.resolve(file)) || !roleFolders(files).includes(folder))
      continue;
    await add(file, await inspectRole(folder, { ...loading, tasksFrom: name }), true);
  }
  return linted;
}

/** Where Plumb looks for what a playbook names, beside it. */
const BESIDE_PLAYBOOKS = [
  "vars",
  "group_vars",
  "host_vars",
  "templates",
  "files",
  "../templates",
  "../files",
];

/** What the playbooks use and was not named: whole roles, for a playbook may use a part of one; files that were loaded; and what stands beside the playbooks. */
async function filesElsewhere(
  files: readonly SourceFile[],
  playbooks: readonly LintedPlaybook[],
  loaded: LoadedFiles,
): Promise<SourceFile[]> {
  const roles = playbooks.flatMap(({ plays }) =>
    plays.flatMap((play) => play.roles.map((role) => role.path)),
  );
  const beside = playbooks
    .filter(({ isForRole }) => !isForRole)
    .flatMap(({ file }) => BESIDE_PLAYBOOKS.map((name) => path.join(path.dirname(path.resolve(file)), name)));
  const paths = [...new Set([...roles, ...loaded.keys(), ...beside])].filter((one) => existsSync(one));
  const own = new Set(files.map(({ file }) => path.resolve(file)));
  return (await findFiles(paths)).filter(({ file }) => !own.has(path.resolve(file)));
}

/** Folders with tasks/main.yml, or another part of a role, in a folder called `roles`. */
function roleFolders(files: readonly SourceFile[]): string[] {
  const folders = files.flatMap(({ file }) => {
    const match = /^(.*\/roles\/[^/]+)\/(tasks|handlers|defaults|vars|meta)\//.exec(path.resolve(file));
    return match?.[1] === undefined ? [] : [match[1]];
  });
  return [...new Set(folders)];
}

async function readInventory(
  files: readonly SourceFile[],
  { inventory, keyring }: LintOptions,
  problems: Diagnostic[],
): Promise<Inventory | undefined> {
  const found = files.filter(({ kind }) => kind === "inventory").map(({ file }) => file);
  const sources = [...new Set([...inventory, ...found])];
  if (sources.length === 0) return undefined;
  const good: string[] = [];
  for (const source of sources) {
    try {
      await loadInventory([source], { keyring });
      good.push(source);
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      problems.push(...error.diagnostics);
    }
  }
  return good.length === 0 ? undefined : loadInventory(good, { keyring });
}

function inventoryVariables(inventory: Inventory | undefined): LintedVariable[] {
  if (inventory === undefined) return [];
  const of = (level: string, variables: ReadonlyMap<string, SourcedVariable>): LintedVariable[] =>
    [...variables].map(([name, variable]) => ({ name, variable, level }));
  return [
    ...[...inventory.groups.values()].flatMap((group) => of("group variables", group.variables)),
    ...[...inventory.hosts.values()].flatMap((host) => of("host variables", host.variables)),
  ];
}

/** What a run would complain of when it reads the variables of the inventory's hosts: links that lead nowhere and the like are no files of the tree. */
async function unreadableFiles(
  inventory: Inventory,
  playbooks: readonly LintedPlaybook[],
  keyring: Keyring,
): Promise<Diagnostic[]> {
  const found = new Set<Diagnostic>();
  const folders = playbooks
    .filter(({ isForRole }) => !isForRole)
    .map(({ file }) => shownPath(path.dirname(path.resolve(file))));
  for (const playbookFolder of new Set<string | undefined>([undefined, ...folders])) {
    for (const host of inventory.hosts.keys()) {
      try {
        await groupAndHostVariables(inventory, host, { keyring, playbookFolder });
      } catch (error) {
        if (!(error instanceof DiagnosticsError)) throw error;
        // A vault that nobody gave the password for is no fault of the file.
        for (const diagnostic of error.diagnostics)
          if (diagnostic.code !== "vault-no-password") found.add(diagnostic);
      }
    }
  }
  return [...found];
}

/** Files under group_vars and host_vars: of the tree, and beside the inventories. */
async function variableFiles(
  files: readonly SourceFile[],
  inventory: Inventory | undefined,
  { options, problems }: { options: LintOptions; problems: Diagnostic[] },
): Promise<LintedVariable[]> {
  const inTree = files
    .filter(({ file, kind }) => kind === "variables" && /(^|\/)(group_vars|host_vars)\//.test(file))
    .map(({ file }) => path.resolve(file));
  const beside = inventory === undefined ? [] : await besideInventory(inventory);
  const variables: LintedVariable[] = [];
  for (const file of new Set([...inTree, ...beside])) {
    try {
      const shown = path.relative(process.cwd(), file);
      const read = await readVariablesFile(shown.startsWith("..") ? file : shown, options.keyring);
      for (const [name, variable] of read) variables.push({ name, variable, level: "inventory variables" });
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      // A vault that nobody gave the password for is no fault of the file.
      problems.push(...error.diagnostics.filter(({ code }) => code !== "vault-no-password"));
    }
  }
  return variables;
}

/** Files under group_vars and host_vars beside the sources of an inventory, whoever they are for. */
async function besideInventory({ sources }: Inventory): Promise<string[]> {
  const folders = sources.map((source) => (isA("directory", source) ? source : path.dirname(source)));
  const files: string[] = [];
  for (const folder of new Set(folders)) {
    for (const kind of ["group_vars", "host_vars"]) {
      const inner = path.join(folder, kind);
      if (isA("directory", inner))
        files.push(...(await findFiles([inner])).map(({ file }) => path.resolve(file)));
    }
  }
  return files;
}
