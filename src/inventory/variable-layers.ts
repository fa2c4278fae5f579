import { statSync } from "node:fs";
import path from "node:path";
import { withAllProblems } from "../diagnostics/all-problems.ts";
import type { SourcedVariable, VariableLayer } from "../variables/sourced.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { Inventory } from "./inventory.ts";
import { type VariableFiles, variableFilesOf } from "./variable-files.ts";

/** Where group_vars and host_vars are looked for besides beside the inventory. */
export interface LayerOptions {
  /** undefined: there is no playbook, and the current folder takes its place, as with `ansible-inventory` and `ansible`. */
  playbookFolder?: string | undefined;
  /** Opens the files that are vaulted. */
  keyring: Keyring;
  /** Keep templates that do not compile, to show them as they are written. */
  onlyToShow?: boolean;
}

type Layers = readonly VariableLayer[];

/**
 * The inventory part of Ansible's precedence for one host, lowest first: group variables of the inventory, group_vars/all, group_vars/*, host variables
 * of the inventory, host_vars/*; of each the inventory's before the playbook's.
 *
 * @throws DiagnosticsError
 */
export async function groupAndHostVariables(
  inventory: Inventory,
  host: string,
  options: LayerOptions,
): Promise<Layers> {
  const groups = inventory.hosts.get(host)?.groups ?? [];
  return inTurn(
    () => layersOfGroups(inventory, groups, options),
    () => hostOnlyVariables(inventory, host, options),
  );
}

/** What is written with a host itself and in its host_vars. @throws DiagnosticsError */
export async function hostOnlyVariables(
  inventory: Inventory,
  host: string,
  options: LayerOptions,
): Promise<Layers> {
  const files = variableFilesOf(options.keyring, options.onlyToShow === true);
  const layers: VariableLayer[] = layer(
    "inventory file host variables",
    inventory.hosts.get(host)?.variables,
  );
  const folders = [...(await foldersOf(inventory)), ...playbookFolders(options)];
  const found = await withAllProblems(
    folders,
    async (folder) => files.named(folder, "host_vars", host) ?? [],
  );
  return [...layers, ...found.flat()];
}

/** What is written with a group itself and in the inventory's group_vars. @throws DiagnosticsError */
export async function groupVariables(inventory: Inventory, group: string, keyring: Keyring): Promise<Layers> {
  const own = layer(`inventory file group variables (${group})`, inventory.groups.get(group)?.variables);
  const files = variableFilesOf(keyring, true);
  return [...own, ...(await filesOfGroups(files, [group], await foldersOf(inventory)))];
}

const known = new WeakMap<readonly string[], Map<string, Promise<Layers>>>();

/** Hosts in the same groups share one list of them, and with it their layers. */
function layersOfGroups(
  inventory: Inventory,
  groups: readonly string[],
  options: LayerOptions,
): Promise<Layers> {
  let byPlace = known.get(groups);
  if (byPlace === undefined) {
    byPlace = new Map();
    known.set(groups, byPlace);
  }
  const key = `${options.onlyToShow === true}\0${options.playbookFolder ?? ""}`;
  let layers = byPlace.get(key);
  if (layers === undefined) {
    layers = readLayersOfGroups(inventory, groups, options);
    byPlace.set(key, layers);
  }
  return layers;
}

async function readLayersOfGroups(
  inventory: Inventory,
  groups: readonly string[],
  options: LayerOptions,
): Promise<Layers> {
  const files = variableFilesOf(options.keyring, options.onlyToShow === true);
  const beside = await foldersOf(inventory);
  const playbook = playbookFolders(options);
  return [
    ...layer("inventory file group variables (all)", inventory.groups.get("all")?.variables),
    ...groups.flatMap((group) =>
      layer(`inventory file group variables (${group})`, inventory.groups.get(group)?.variables),
    ),
    ...(await inTurn(
      () => filesOfGroups(files, ["all"], beside),
      () => filesOfGroups(files, ["all"], playbook),
      () => filesOfGroups(files, groups, beside),
      () => filesOfGroups(files, groups, playbook),
    )),
  ];
}

async function filesOfGroups(
  files: VariableFiles,
  groups: readonly string[],
  folders: readonly string[],
): Promise<VariableLayer[]> {
  const places = folders.flatMap((folder) => groups.map((group) => ({ folder, group })));
  const found = await withAllProblems(
    places,
    async ({ folder, group }) => files.named(folder, "group_vars", group) ?? [],
  );
  return found.flat();
}

/** One part of the layers behind the other; what is wrong in one does not hide the next. */
async function inTurn(...parts: readonly (() => Promise<Layers>)[]): Promise<VariableLayer[]> {
  return (await withAllProblems(parts, (part) => part())).flat();
}

function playbookFolders({ playbookFolder }: LayerOptions): string[] {
  if (playbookFolder !== undefined) return [playbookFolder];
  return isOpenToOthers(".") ? [] : ["."];
}

/** Whether anybody may lay a file there: then what lies there is not obeyed. */
const isOpenToOthers = (folder: string): boolean =>
  ((statSync(folder, { throwIfNoEntry: false })?.mode ?? 0o002) & 0o002) !== 0;

const folderCache = new WeakMap<Inventory, Promise<string[]>>();

/** The folders of the sources, in their order. */
function foldersOf(inventory: Inventory): Promise<string[]> {
  let folders = folderCache.get(inventory);
  if (folders === undefined) {
    folders = Promise.all(inventory.sources.map(folderOf)).then((all) => [
      ...new Set(all.filter((folder) => folder !== undefined)),
    ]);
    folderCache.set(inventory, folders);
  }
  return folders;
}

/** @returns undefined for a list of hosts, which stands nowhere. */
function folderOf(source: string): string | undefined {
  const information = statSync(source, { throwIfNoEntry: false });
  if (information === undefined) return undefined;
  return information.isDirectory() ? source : path.dirname(source);
}

function layer(level: string, variables: ReadonlyMap<string, SourcedVariable> | undefined): VariableLayer[] {
  return variables === undefined || variables.size === 0 ? [] : [{ level, variables }];
}
