import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { refuseOpenToOthers } from "../diagnostics/open-to-others.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import type { Keyring } from "../variables/vault/keyring.ts";

type Layers = readonly VariableLayer[];

/** What a folder is looked through for: `NAME`, `NAME.yml`, `NAME.yaml`, `NAME.json`, in this order. */
const ENDINGS = ["", ".yml", ".yaml", ".json"];

/** Files of variables named after groups and hosts, each read once a run: every host of a group shares them. */
export class VariableFiles {
  readonly #keyring: Keyring;
  readonly #onlyToShow: boolean;
  readonly #files = new Map<string, Promise<Layers>>();
  readonly #listings = new Map<string, ReadonlySet<string>>();

  constructor(keyring: Keyring, onlyToShow: boolean) {
    this.#keyring = keyring;
    this.#onlyToShow = onlyToShow;
  }

  /**
   * The variables in `FOLDER/group_vars/NAME…` or `FOLDER/host_vars/NAME…`: in a file with or without an ending, in the files of a folder of that name and
   * of folders in it. All that exist count, one after the other; Ansible would read the first kind that it finds, and say nothing of the rest.
   *
   * @returns undefined when there is no such file: it costs nothing to ask for thousands of hosts that have none.
   * @throws DiagnosticsError
   */
  named(folder: string, kind: "group_vars" | "host_vars", name: string): Promise<Layers> | undefined {
    // A host may be named after a folder (a chroot's); such a name is no file of variables.
    if (name.startsWith("/")) return undefined;
    const place = path.join(folder, kind);
    const present = this.#listing(place);
    const found = ENDINGS.filter((ending) => present.has(name + ending));
    if (found.length === 0) return undefined;
    const key = path.join(place, name);
    let layers = this.#files.get(key);
    if (layers === undefined) {
      layers = this.#read(
        found.map((ending) => key + ending),
        `${kind}/${name}`,
      );
      this.#files.set(key, layers);
    }
    return layers;
  }

  async #read(places: readonly string[], level: string): Promise<Layers> {
    const layers: VariableLayer[] = [];
    for (const place of places) {
      for (const file of statSync(place).isDirectory() ? filesBelow(place) : [place]) {
        layers.push({
          level,
          variables: await readVariablesFile(file, this.#keyring, { onlyToShow: this.#onlyToShow }),
        });
      }
    }
    return layers;
  }

  #listing(folder: string): ReadonlySet<string> {
    let names = this.#listings.get(folder);
    if (names === undefined) {
      refuseOpenToOthers(folder, "the folder of variables");
      names = new Set(entriesOf(folder));
      this.#listings.set(folder, names);
    }
    return names;
  }
}

const shown = new WeakMap<Keyring, VariableFiles>();
const used = new WeakMap<Keyring, VariableFiles>();

/** The files of a run, which has one keyring. */
export function variableFilesOf(keyring: Keyring, onlyToShow: boolean): VariableFiles {
  const all = onlyToShow ? shown : used;
  let files = all.get(keyring);
  if (files === undefined) {
    files = new VariableFiles(keyring, onlyToShow);
    all.set(keyring, files);
  }
  return files;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    // What can't be looked into is not the same as what is not there.
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return [];
    throw error;
  }
}

/** Files of a folder and of folders in it, by name; hidden ones and backups are none (Ansible's DataLoader.find_vars_files). */
function filesBelow(folder: string): string[] {
  const names = entriesOf(folder)
    .filter((name) => !name.startsWith(".") && !name.endsWith("~"))
    .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  return names.flatMap((name) => {
    const place = path.join(folder, name);
    const ending = path.extname(name);
    const information = statSync(place);
    if (information.isDirectory()) return ending === "" ? filesBelow(place) : [];
    return information.isFile() && ENDINGS.includes(ending) ? [place] : [];
  });
}
