import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { SourcedVariable, VariableLayer } from "../variables/sourced.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { Inventory } from "./inventory.ts";

/** Where group_vars and host_vars are looked for besides beside the inventory. */
export interface LayerOptions {
  playbookFolder: string | undefined;
  /** Opens the files that are vaulted. */
  keyring: Keyring;
}

type Variables = ReadonlyMap<string, SourcedVariable>;

/** Files that were read, by path without extension: every host of a group shares them. */
const cache = new Map<string, Promise<readonly VariableLayer[]>>();

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
): Promise<readonly VariableLayer[]> {
  const found = inventory.hosts.get(host);
  const groups = found?.groups ?? [];
  const inventoryFolders = await foldersOf(inventory);
  const playbookFolders = options.playbookFolder === undefined ? [] : [options.playbookFolder];
  const filesOf = async (
    kind: "group_vars" | "host_vars",
    name: string,
    folders: readonly string[],
  ): Promise<readonly VariableLayer[]> =>
    (
      await Promise.all(
        folders.map((folder) => filesNamed(path.join(folder, kind), name, kind, options.keyring)),
      )
    ).flat();
  const groupFiles = async (folders: readonly string[]): Promise<readonly VariableLayer[]> =>
    (await Promise.all(groups.map((group) => filesOf("group_vars", group, folders)))).flat();
  const all = inventory.groups.get("all")?.variables;
  return [
    ...layer("inventory file group variables (all)", all),
    ...groups.flatMap((group) =>
      layer(`inventory file group variables (${group})`, inventory.groups.get(group)?.variables),
    ),
    ...(await filesOf("group_vars", "all", inventoryFolders)),
    ...(await filesOf("group_vars", "all", playbookFolders)),
    ...(await groupFiles(inventoryFolders)),
    ...(await groupFiles(playbookFolders)),
    ...layer("inventory file host variables", found?.variables),
    ...(await filesOf("host_vars", host, inventoryFolders)),
    ...(await filesOf("host_vars", host, playbookFolders)),
  ];
}

const folderCache = new WeakMap<Inventory, Promise<string[]>>();

function foldersOf(inventory: Inventory): Promise<string[]> {
  let folders = folderCache.get(inventory);
  if (folders === undefined) {
    folders = Promise.all(
      inventory.sources
        .filter((source) => !source.includes(","))
        .map(async (source) => ((await stat(source)).isDirectory() ? source : path.dirname(source))),
    ).then((all) => [...new Set(all)]);
    folderCache.set(inventory, folders);
  }
  return folders;
}

function layer(level: string, variables: Variables | undefined): VariableLayer[] {
  return variables === undefined || variables.size === 0 ? [] : [{ level, variables }];
}

function filesNamed(
  folder: string,
  name: string,
  level: string,
  keyring: Keyring,
): Promise<readonly VariableLayer[]> {
  const key = path.join(folder, name);
  let read = cache.get(key);
  if (read === undefined) {
    read = readNamed(folder, name, level, keyring);
    cache.set(key, read);
  }
  return read;
}

/** `name`, `name.yml`, `name.yaml`, `name.json`, and every such file in a folder `name/`; all that exist count. */
async function readNamed(
  folder: string,
  name: string,
  level: string,
  keyring: Keyring,
): Promise<readonly VariableLayer[]> {
  const present = new Set(await listing(folder));
  const layers: VariableLayer[] = [];
  for (const extension of ["", ".yml", ".yaml", ".json"]) {
    if (!present.has(name + extension)) continue;
    const file = path.join(folder, name + extension);
    const files = extension === "" && (await stat(file)).isDirectory() ? await filesBelow(file) : [file];
    for (const one of files)
      layers.push({ level: `${level}/${name}`, variables: await readVariablesFile(one, keyring) });
  }
  return layers;
}

const listings = new Map<string, Promise<string[]>>();

function listing(folder: string): Promise<string[]> {
  let names = listings.get(folder);
  if (names === undefined) {
    names = readdir(folder).catch(() => []);
    listings.set(folder, names);
  }
  return names;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(
    (entry) =>
      entry.isFile() &&
      (!entry.name.includes(".") || /\.(ya?ml|json)$/.test(entry.name)) &&
      !entry.name.startsWith("."),
  );
  return entries.map((entry) => path.join(entry.parentPath, entry.name)).sort();
}
