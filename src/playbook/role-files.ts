import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { refuseOpenToOthers } from "../diagnostics/open-to-others.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import { collecting, type LoadContext, type LoadState, shownPath } from "./load-context.ts";

export type Variables = ReadonlyMap<string, SourcedVariable>;

const EXTENSIONS = [".yml", ".yaml", ""];

/** The file of a role's part, such as tasks/main.yml; undefined when it has none. */
export function roleFile(folder: string, part: string, name: string): string | undefined {
  const candidates = EXTENSIONS.map((extension) =>
    path.join(folder, part, name.replace(/\.ya?ml$/, "") + extension),
  );
  return candidates.find((file) => isA("file", file));
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
  const files = variableFiles(folder, part, name);
  if (files.length === 0 && isRequired !== undefined) throw noSuchFile(folder, part, name, isRequired);
  const variables = new Map<string, SourcedVariable>();
  for (const file of files) {
    const read = await collecting(state, () => readVariablesFile(shownPath(file), state.keyring));
    for (const [key, value] of read ?? []) variables.set(key, value);
  }
  return variables;
}

function variableFiles(folder: string, part: string, name: string): string[] {
  const inside = path.join(folder, part, name);
  if (isA("directory", inside)) {
    const names = readdirSync(inside);
    const wanted = names.filter((one) => /\.(ya?ml|json)$/.test(one) && !one.startsWith(".")).sort();
    return wanted.map((one) => path.join(inside, one));
  }
  const file = roleFile(folder, part, name);
  return file === undefined ? [] : [file];
}

/** The names of a role's files of tasks. */
export function taskFileNames(folder: string): string[] {
  const tasks = path.join(folder, "tasks");
  return isA("directory", tasks) ? readdirSync(tasks).map((name) => name.replace(/\.ya?ml$/, "")) : [];
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
 * @throws DiagnosticsError unknown-role, file-open-to-others
 */
export function findRole(context: LoadContext, name: string, at: SourceRange): string {
  const places = searchPath(context);
  // `collection.of.roles.name` is how playbooks name a role of a collection; here the folder counts.
  for (const candidate of [name, name.split(".").at(-1) ?? name]) {
    for (const place of places) {
      const folder = path.resolve(place, candidate);
      if (candidate === "" || !isRole(folder)) continue;
      refuseOpenToOthers(place, "the folder of roles");
      refuseOpenToOthers(folder, "the role");
      return folder;
    }
  }
  const meant = didYouMean(name, roleNames(places));
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
function isRole(folder: string): boolean {
  return PARTS.some((part) => isA("directory", path.join(folder, part)));
}

function roleNames(places: readonly string[]): string[] {
  return places
    .filter((place) => path.basename(place) === "roles" && isA("directory", place))
    .flatMap((place) => readdirSync(place));
}

/** Loading asks this hundreds of times, and waiting for a thread of its own would take ten times as long each time. */
export function isA(kind: "file" | "directory", file: string): boolean {
  try {
    const information = statSync(file, { throwIfNoEntry: false });
    return (kind === "file" ? information?.isFile() : information?.isDirectory()) ?? false;
  } catch {
    return false;
  }
}
