import { existsSync } from "node:fs";
import path from "node:path";
import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { namesOf, placesOf } from "../fleet/play-variable-files.ts";
import { filesToInclude, includeVarsParameters } from "../modules/include-vars.ts";
import { ModuleFailure } from "../modules/module.ts";
import { shownPath } from "../playbook/load-context.ts";
import { placesToLook } from "../playbook/places-to-look.ts";
import type { Play, Task } from "../playbook/playbook.ts";
import { isA } from "../playbook/role-files.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { NotFollowed } from "./tree.ts";
import { writtenNames } from "./written-names.ts";

/** What the files say that `vars_files` and `include_vars` name. */
export interface ReadVariables {
  variables: ReadonlyMap<string, SourcedVariable>;
  notFollowed: readonly NotFollowed[];
  problems: readonly Diagnostic[];
}

interface Reading {
  keyring: Keyring;
  /** Of the playbook; absolute. */
  playbookFolder: string;
}

/** The variables of the `vars_files` of a play. What is wrong in them is told with them; that one is not there is not, for a play before may make it. */
export async function variablesOfPlay(play: Play, reading: Reading): Promise<ReadVariables> {
  return together(
    play.variableFiles.map(async (entry) => {
      const at = entry.at ?? play.at;
      const names = namesOf(entry);
      if (names === undefined) return notFollowed(at, ONLY_A_HOST_TELLS, "vars_files");
      const file = placesOf(names, reading.playbookFolder).find((place) => existsSync(place));
      if (file === undefined)
        return notFollowed(at, `there is no file ${names.join(", nor ")} now`, "vars_files");
      return read([file], { at, what: "vars_files" }, reading);
    }),
  );
}

/** The variables that an `include_vars` reads; without them where only a host tells its file. */
export async function variablesOfTask(task: Task, reading: Reading): Promise<ReadVariables> {
  const parameter = (name: string) => task.parameters.find(({ key }) => key === name);
  const source = parameter("file") ?? parameter("dir");
  const at = source?.value.at ?? task.at;
  const holder = parameter("name");
  if (holder !== undefined) {
    const names = writtenNames(holder.value, task);
    if (names === undefined) return notFollowed(at, ONLY_A_HOST_TELLS, "include_vars");
    const named = names.map(
      ({ value }) => [String(value), { value: holder.value, at: holder.keyAt ?? at }] as const,
    );
    return { variables: new Map(named), notFollowed: [], problems: [] };
  }
  const passes = source === undefined ? undefined : writtenNames(source.value, task);
  const others = task.parameters
    .filter((one) => one !== source)
    .map(({ key, value }) => [key, writtenNames(value, task)?.[0]?.value]);
  if (source === undefined || passes === undefined || others.some(([, value]) => value === undefined))
    return notFollowed(at, ONLY_A_HOST_TELLS, "include_vars");
  return together(
    passes.map(async ({ value }) => {
      const want = includeVarsParameters.safeParse({ ...Object.fromEntries(others), [source.key]: value });
      // What is wrong with the parameters, the loader tells.
      if (!want.success) return notFollowed(at, `\`${String(value)}\` is no name of a file`, "include_vars");
      try {
        const files = await filesToInclude(want.data, async (name) => {
          const found = placesToLook(name, "vars", task, reading.playbookFolder).find((place) =>
            existsSync(place),
          );
          if (found === undefined) throw new ModuleFailure(`there is no file ${name} now`);
          return found;
        });
        return await read(files, { at, what: "include_vars" }, reading);
      } catch (error) {
        if (error instanceof ModuleFailure) return notFollowed(at, error.message, "include_vars");
        throw error;
      }
    }),
  );
}

const ONLY_A_HOST_TELLS = "its name is made of what only a run tells";

function notFollowed(at: SourceRange, why: string, what: NotFollowed["what"]): ReadVariables {
  return { variables: new Map(), notFollowed: [{ what, at, why }], problems: [] };
}

async function read(
  files: readonly string[],
  { at, what }: { at: SourceRange; what: NotFollowed["what"] },
  { keyring }: Reading,
): Promise<ReadVariables> {
  return together(
    files.map(async (file) => {
      const shown = shownPath(path.resolve(file));
      if (!isA("file", file)) return notFollowed(at, `${shown} is no file`, what);
      try {
        return { variables: await readVariablesFile(shown, keyring), notFollowed: [], problems: [] };
      } catch (error) {
        if (!(error instanceof DiagnosticsError)) throw error;
        const isLocked = error.diagnostics.some(({ code }) => code === "vault-no-password");
        if (isLocked) return notFollowed(at, `no password was given for ${shown}`, what);
        return { ...notFollowed(at, `${shown} can't be read`, what), problems: error.diagnostics };
      }
    }),
  );
}

async function together(all: readonly Promise<ReadVariables>[]): Promise<ReadVariables> {
  const done = await Promise.all(all);
  return {
    variables: new Map(done.flatMap(({ variables }) => [...variables])),
    notFollowed: done.flatMap((one) => one.notFollowed),
    problems: done.flatMap(({ problems }) => problems),
  };
}
