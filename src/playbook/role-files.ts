import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import { collecting, type LoadContext, type LoadState, shownPath } from "./load-context.ts";

export type Variables = ReadonlyMap<string, SourcedVariable>;

const EXTENSIONS = [".yml", ".yaml", ""];

/** The file of a role's part, such as tasks/main.yml; undefined when it has none. */
export async function roleFile(folder: string, part: string, name: string): Promise<string | undefined> {
  for (const extension of EXTENSIONS) {
    const file = path.join(folder, part, name.replace(/\.ya?ml$/, "") + extension);
    if (await isA("file", file)) return file;
  }
  return undefined;
}

/**
 * The variables of `defaults/` or `vars/`: the file that is named, or, where that is a folder, all files in it, in the order of their names.
 *
 * @param isRequired a file that somebody named must be there.
 */
export async function roleVariables(
  state: LoadState,
  folder: string,
  part: "defaults" | "vars",
  name: string,
  isRequired: SourceRange | undefined,
): Promise<Variables> {
  const files = await variableFiles(folder, part, name);
  if (files.length === 0 && isRequired !== undefined) throw noSuchFile(folder, part, name, isRequired);
  const variables = new Map<string, SourcedVariable>();
  for (const file of files) {
    const read = await collecting(state, () => readVariablesFile(shownPath(file), state.keyring));
    for (const [key, value] of read ?? []) variables.set(key, value);
  }
  return variables;
}

async function variableFiles(folder: string, part: string, name: string): Promise<string[]> {
  const inside = path.join(folder, part, name);
  if (await isA("directory", inside)) {
    const names = await readdir(inside);
    const wanted = names.filter((one) => /\.(ya?ml|json)$/.test(one) && !one.startsWith(".")).sort();
    return wanted.map((one) => path.join(inside, one));
  }
  const file = await roleFile(folder, part, name);
  return file === undefined ? [] : [file];
}

/** The error for a part of a role that was asked for by name. */
export function noSuchFile(folder: string, part: string, name: string, at: SourceRange): Error {
  return inputError("file-not-found", `the role \`${path.basename(folder)}\` has no ${part}/${name}`, {
    at,
    expected: `${shownPath(path.join(folder, part, name))}, with or without .yml`,
  });
}

/**
 * The folder of a role: beside the playbook, beside the role that names it, in the folders of --roles-path, and among those that ship with Plumb.
 *
 * @throws DiagnosticsError unknown-role
 */
export async function findRole(context: LoadContext, name: string, at: SourceRange): Promise<string> {
  const places = searchPath(context);
  // `collection.of.roles.name` is how playbooks name a role of a collection; here the folder counts.
  for (const candidate of [name, name.split(".").at(-1) ?? name]) {
    for (const place of places) {
      const folder = path.resolve(place, candidate);
      if (candidate !== "" && (await isRole(folder))) return folder;
    }
  }
  const meant = didYouMean(name, await roleNames(places));
  throw inputError("unknown-role", `there is no role \`${name}\``, {
    at,
    expected: `a folder with tasks/, defaults/, … in ${places.map(shownPath).join(", ")}`,
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
  });
}

/** A role and the file of tasks it starts with: a role may use another file of its own, and must not lead back to the same. */
export function roleStep(folder: string, tasksFrom = "main"): string {
  return `${folder}#${tasksFrom.replace(/\.ya?ml$/, "")}`;
}

function searchPath({ state, role }: LoadContext): string[] {
  const { playbookFolder, rolePaths } = state;
  const places = [
    path.join(playbookFolder, "roles"),
    ...(role === undefined ? [] : [path.dirname(role.path)]),
    path.join(playbookFolder, "..", "roles"),
    ...rolePaths,
    playbookFolder,
  ];
  return [...new Set(places.map((place) => path.resolve(place)))];
}

const PARTS = ["tasks", "handlers", "defaults", "vars", "meta", "templates", "files"];

/** Any folder will not do: `roles: [files]` beside a folder of files is a mistake. */
async function isRole(folder: string): Promise<boolean> {
  for (const part of PARTS) {
    if (await isA("directory", path.join(folder, part))) return true;
  }
  return false;
}

async function roleNames(places: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    places.filter((place) => path.basename(place) === "roles").map((place) => readdir(place).catch(() => [])),
  );
  return lists.flat();
}

export async function isA(kind: "file" | "directory", file: string): Promise<boolean> {
  const information = await stat(file).catch(() => undefined);
  return (kind === "file" ? information?.isFile() : information?.isDirectory()) ?? false;
}
