import { readdirSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { withAllProblems } from "../diagnostics/all-problems.ts";
import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
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
    const files = (await withAllProblems(places, filesAt)).flat();
    return withAllProblems(files, async (file) => ({
      level,
      variables: await readVariablesFile(file, this.#keyring, { onlyToShow: this.#onlyToShow }),
    }));
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

/**
 * Names in a folder; none where it is not there.
 *
 * @throws DiagnosticsError file-unreadable: what can't be looked into is not the same as what is not there
 */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return [];
    if (code !== "ENOTDIR") throw unreadable(folder, error);
    // A source that is no folder has none beside it.
    if (!statSync(path.dirname(folder)).isDirectory()) return [];
    throw inputError("file-unreadable", `${folder} is a file, and should be a folder`, {
      at: beginningOf(folder),
      expected: `a folder with a file for each ${path.basename(folder) === "group_vars" ? "group" : "host"}`,
      hint: `move it to ${path.join(folder, path.basename(folder) === "group_vars" ? "all.yml" : "NAME.yml")}`,
    });
  }
}

function beginningOf(file: string): SourceRange {
  return { file, line: 1, column: 1 };
}

function unreadable(place: string, error: unknown): Error {
  return inputError(
    "file-unreadable",
    `${place} can't be read: ${error instanceof Error ? error.message : String(error)}`,
    { at: beginningOf(place) },
  );
}

/** The files of variables that a file or a folder stands for. @throws DiagnosticsError file-unreadable, file-not-found */
function filesAt(place: string): string[] {
  const information = statOf(place);
  if (information.isDirectory()) return filesBelow(place);
  // A pipe would be waited for without end.
  if (information.isFile()) return [place];
  throw inputError("file-unreadable", `${place} is neither a file nor a folder`, { at: beginningOf(place) });
}

function statOf(place: string): Stats {
  try {
    return statSync(place);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT"))
      throw unreadable(place, error);
    throw inputError("file-not-found", `${place} is a link to a file that is not there`, {
      at: beginningOf(place),
      hint: "put the file there, or remove the link",
    });
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
    if (!ENDINGS.includes(ending)) return [];
    return statOf(place).isDirectory() && ending !== "" ? [] : filesAt(place);
  });
}
