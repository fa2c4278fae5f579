import { existsSync } from "node:fs";
import path from "node:path";
import { problemsIn } from "../diagnostics/all-problems.ts";
import { type Diagnostic, inputError } from "../diagnostics/diagnostic.ts";
import type { Playbook } from "../playbook/playbook.ts";
import { evaluate, literalOf } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import type { Keyring } from "../variables/vault/keyring.ts";

/**
 * The file that an entry of `vars_files` names: of a list the first one that exists. It is looked for in `vars/` beside the playbook, then beside it, as
 * Ansible does.
 */
export function firstFound(entry: Templated, folder: string, scope: Scope): string {
  const names = (entry.kind === "list" ? entry.items : [entry]).flatMap((item) => {
    const value = evaluate(item, scope);
    return (Array.isArray(value) ? value : [value]).map(String);
  });
  const places = placesOf(names, folder);
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw inputError("file-not-found", `vars_files: there is no file ${names.join(", nor ")}`, {
    ...(entry.at === undefined ? {} : { at: entry.at }),
    expected: places.join(", "),
    ...(names.length === 1 ? { hint: "of a list in the list, the first file that exists is read" } : {}),
  });
}

/** Names that are written out, in the order in which they are looked for; undefined where only a host tells one. */
export function namesOf(entry: Templated): string[] | undefined {
  const value = literalOf(entry);
  return value === undefined ? undefined : [value].flat().map(String);
}

/** Where they may stand: in `vars/` beside the playbook, or beside it. */
export function placesOf(names: readonly string[], folder: string): string[] {
  return names.flatMap((name) =>
    path.isAbsolute(name) ? [name] : [path.join(folder, "vars", name), path.join(folder, name)],
  );
}

/**
 * What is wrong in the files of a playbook's plays whose names are written out, before a host is touched. One that is not there may be made by a play before, and one in a vault that nobody gave the
 * password for may never be read: that is told when its turn comes.
 */
export async function problemsOfVariableFiles(playbook: Playbook, keyring: Keyring): Promise<Diagnostic[]> {
  const entries = playbook.plays.flatMap(({ variableFiles }) => variableFiles);
  const found = await problemsIn(entries, async (entry) => {
    const places = placesOf(namesOf(entry) ?? [], path.dirname(playbook.file));
    const file = places.find((place) => existsSync(place));
    if (file !== undefined) await readVariablesFile(file, keyring);
  });
  return found.filter(({ code }) => code !== "vault-no-password");
}
