import path from "node:path";
import { DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import { findOwnModules } from "../modules/own-modules.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { checkKeywords } from "./check-keywords.ts";
import { describeTemplated, Entries } from "./entries.ts";
import { inherit } from "./inherit.ts";
import {
  collecting,
  type LoadState,
  loadFile,
  NOTHING_INHERITED,
  shownPath,
  startOf,
  tidy,
} from "./load-context.ts";
import { loadNodes } from "./load-nodes.ts";
import { loadPlay } from "./load-play.ts";
import { loadRoleEntry } from "./load-role-entry.ts";
import type { InheritedKeywords, Play, Playbook } from "./playbook.ts";
import { isA } from "./role-files.ts";

export interface LoadOptions {
  /** More folders with roles. */
  rolePaths: readonly string[];
  /** Opens the files that are vaulted; without, there are no passwords. */
  keyring?: Keyring;
}

/**
 * Loads a playbook with all its roles and files, and checks all that can be checked without a host.
 *
 * @throws DiagnosticsError with every finding.
 */
export async function loadPlaybook(file: string, options: LoadOptions): Promise<Playbook> {
  const absolute = path.resolve(file);
  const state: LoadState = {
    problems: [],
    modules: new Map(),
    files: new Map(),
    loadNodes,
    loadRoleEntry,
    rolePaths: options.rolePaths,
    playbookFolder: path.dirname(absolute),
    keyring: options.keyring ?? new Keyring(),
  };
  await collecting(state, () => findOwnModules(state.playbookFolder));
  const plays = (await collecting(state, () => loadPlays(state, absolute, [], NOTHING_INHERITED))) ?? [];
  if (state.problems.length > 0) throw new DiagnosticsError(tidy(state.problems));
  return { file: absolute, plays };
}

/** @param file absolute path */
async function loadPlays(
  state: LoadState,
  file: string,
  way: readonly string[],
  above: InheritedKeywords,
): Promise<Play[]> {
  const list = await loadFile(state, file);
  const shown = shownPath(file);
  if (list.kind !== "list") {
    throw inputError("wrong-type", `a playbook is a list of plays, and this is ${describeTemplated(list)}`, {
      at: list.at ?? startOf(shown),
      expected: "items such as `- hosts: all`",
    });
  }
  const plays: Play[] = [];
  for (const item of list.items) {
    const loaded = await collecting(state, () => {
      const entries = new Entries(item, "a play", startOf(shown), state.problems);
      const key = entries.keys.find((one) => /^(ansible\.builtin\.)?import_playbook$/.test(one));
      return key === undefined
        ? loadPlay(state, shown, entries, above).then((play) => [play])
        : importPlays(state, { file, way: [...way, file], entries, key, above });
    });
    plays.push(...(loaded ?? []));
  }
  return plays;
}

interface PlaybookImport {
  file: string;
  way: readonly string[];
  entries: Entries;
  key: string;
  above: InheritedKeywords;
}

async function importPlays(
  state: LoadState,
  { file, way, entries, key, above }: PlaybookImport,
): Promise<Play[]> {
  // `tags`, `when`, `vars` and the like go down to the imported plays.
  checkKeywords(entries, "include", [key]);
  const written = entries.text(key);
  if (written === undefined) return [];
  const other = path.resolve(path.dirname(file), written);
  if (way.includes(other)) {
    const chain = [...way.slice(way.indexOf(other)), other].map(shownPath).join(" -> ");
    throw inputError("include-cycle", `\`import_playbook\` leads back to the same file: ${chain}`, {
      at: entries.positionOf(key),
    });
  }
  if (!(await isA("file", other))) {
    throw inputError("file-not-found", `there is no playbook \`${written}\``, {
      at: entries.positionOf(key),
      expected: shownPath(other),
    });
  }
  // Roles are looked for beside the playbook that names them.
  return loadPlays({ ...state, playbookFolder: path.dirname(other) }, other, way, inherit(above, entries));
}
