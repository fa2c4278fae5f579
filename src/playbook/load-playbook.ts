import path from "node:path";
import { type Diagnostic, DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import { findOwnModules } from "../modules/own-modules.ts";
import type { Templated } from "../variables/templated.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { defaultsProblems } from "./check-defaults.ts";
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
import { otherFile } from "./other-file.ts";
import type { InheritedKeywords, Play, Playbook } from "./playbook.ts";
import { present } from "./present.ts";
import { isA } from "./role-files.ts";

export interface LoadOptions {
  /** More folders with roles. */
  rolePaths: readonly string[];
  /** Opens the files that are vaulted; without, there are no passwords. */
  keyring?: Keyring;
}

/** What was read of a playbook, whatever is wrong with it. */
export interface Inspected {
  plays: readonly Play[];
  problems: readonly Diagnostic[];
}

/** For lint: many playbooks that use the same files. */
export interface InspectOptions extends LoadOptions {
  /** Files that were read, for others to use. */
  files: LoadState["files"];
}

/**
 * Loads a playbook with all its roles and files, and checks all that can be checked without a host.
 *
 * @throws DiagnosticsError with every finding.
 */
export async function loadPlaybook(file: string, options: LoadOptions): Promise<Playbook> {
  const { plays, problems } = await inspectPlaybook(file, { ...options, files: new Map() });
  if (problems.some(({ severity }) => severity === "error")) throw new DiagnosticsError(problems);
  return { file: path.resolve(file), plays, warnings: problems };
}

/** The same, as far as it can be read, with every finding beside it. */
export async function inspectPlaybook(file: string, options: InspectOptions): Promise<Inspected> {
  const absolute = path.resolve(file);
  const state = stateFor(path.dirname(absolute), options);
  await collecting(state, () => findOwnModules(state.playbookFolder));
  const plays = (await collecting(state, () => loadPlays(state, absolute, [], NOTHING_INHERITED))) ?? [];
  state.problems.push(...(await defaultsProblems(plays)));
  return { plays, problems: tidy(state.problems) };
}

/**
 * A role by itself, as a play for all hosts that has nothing else.
 *
 * @param folder of the role
 * @param options `tasksFrom`: the file of its tasks, instead of main.
 */
export async function inspectRole(
  folder: string,
  { tasksFrom, ...options }: InspectOptions & { tasksFrom?: string },
): Promise<Inspected> {
  const rolePaths = [path.dirname(folder), ...options.rolePaths];
  const state = stateFor(path.dirname(path.dirname(folder)), { ...options, rolePaths });
  await collecting(state, () => findOwnModules(state.playbookFolder));
  const at = startOf(shownPath(folder));
  const text = (value: string): Templated => ({ kind: "literal", value, at });
  const map = (values: Readonly<Record<string, Templated>>): Templated => ({
    kind: "map",
    at,
    entries: Object.entries(values).map(([key, value]) => ({ key, keyAt: at, value })),
  });
  const name = text(path.basename(folder));
  const use: Record<string, Templated> =
    tasksFrom === undefined
      ? { roles: { kind: "list", items: [name], at } }
      : {
          tasks: {
            kind: "list",
            at,
            items: [map({ import_role: map({ name, tasks_from: text(tasksFrom) }) })],
          },
        };
  const play = map({ name: text("role"), hosts: text("all"), ...use });
  const loaded = await collecting(state, () =>
    loadPlay(state, shownPath(folder), new Entries(play, "a play", at, state.problems), NOTHING_INHERITED),
  );
  return { plays: loaded === undefined ? [] : [loaded], problems: tidy(state.problems) };
}

function stateFor(playbookFolder: string, { rolePaths, keyring, files }: InspectOptions): LoadState {
  return {
    problems: [],
    modules: new Map(),
    files,
    loadNodes,
    loadRoleEntry,
    rolePaths,
    playbookFolder,
    keyring: keyring ?? new Keyring(),
  };
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
  entries.filled(key);
  const written = entries.text(key);
  if (written === undefined) return [];
  const other = path.resolve(path.dirname(file), written);
  if (way.includes(other)) {
    const chain = [...way.slice(way.indexOf(other)), other].map(shownPath).join(" -> ");
    throw inputError("include-cycle", `\`import_playbook\` leads back to the same file: ${chain}`, {
      at: entries.positionOf(key),
    });
  }
  if (!isA("file", other)) {
    throw inputError("file-not-found", `there is no playbook \`${written}\``, {
      at: entries.positionOf(key),
      expected: shownPath(other),
      ...present("hint", await otherFile(written, [path.dirname(other)])),
    });
  }
  // Roles are looked for beside the playbook that names them.
  return loadPlays({ ...state, playbookFolder: path.dirname(other) }, other, way, inherit(above, entries));
}
