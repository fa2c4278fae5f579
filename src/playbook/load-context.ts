import path from "node:path";
import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { Module } from "../modules/module.ts";
import { compileValue } from "../variables/compile-value.ts";
import type { Templated } from "../variables/templated.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { readYaml } from "../variables/yaml-source.ts";
import type { InheritedKeywords, Node, RoleContext, Task } from "./playbook.ts";

/** What is gathered while a playbook is loaded; findings are collected, so that all are shown at once. */
export interface LoadState {
  problems: Diagnostic[];
  modules: Map<string, Module>;
  files: Map<string, Promise<LoadedFile>>;
  /** Loads a list of tasks and blocks: roles hold tasks, and tasks may pull in roles, so neither can import the other. */
  loadNodes: (context: LoadContext, list: Templated, what: string) => Promise<Node[]>;
  /** Loads an entry of `roles:` or of a role's dependencies, for the same reason. */
  loadRoleEntry: (context: LoadContext, item: Templated) => Promise<Node[]>;
  /** Where roles are looked for, besides beside the playbook. */
  rolePaths: readonly string[];
  playbookFolder: string;
  /** Opens the files that are vaulted. */
  keyring: Keyring;
}

/** Where a node is loaded: its file, and what it inherits. */
export interface LoadContext {
  state: LoadState;
  /** As it is shown to people. */
  file: string;
  inherited: InheritedKeywords;
  /** `notify` of the blocks around. */
  notify: readonly Templated[];
  role: RoleContext | undefined;
  /** Of the play so far; roles add theirs. */
  handlers: Task[];
  /** Roles whose variables the play sees. */
  roles: RoleContext[];
  /** Roles that have been loaded for the play, with the parameters they had: the same twice is once. */
  rolesLoaded: Set<string>;
  /** Folders of all roles that the play has, for `allow_duplicates: false`. */
  roleFolders: Set<string>;
  /** Tasks here are handlers. */
  isHandler: boolean;
  /** Files and roles that led here, to find one that includes itself. */
  way: readonly string[];
  /** Makes the ids of tasks unique where a file is loaded more than once. */
  idPrefix: string;
}

interface LoadedFile {
  value: Templated;
  problems: readonly Diagnostic[];
}

/**
 * Reads a YAML file, once a playbook however often it is used. What is wrong inside of it is noted.
 *
 * @throws DiagnosticsError file-not-found, file-unreadable, yaml-syntax
 */
export async function loadFile(state: LoadState, file: string): Promise<Templated> {
  let loading = state.files.get(file);
  if (loading === undefined) {
    loading = compileFile(file, state.keyring);
    state.files.set(file, loading);
  }
  const { value, problems } = await loading;
  state.problems.push(...problems);
  return value;
}

async function compileFile(file: string, keyring: Keyring): Promise<LoadedFile> {
  // Handshakes that go on meanwhile have their turn.
  await new Promise((resolve) => setImmediate(resolve));
  const problems: Diagnostic[] = [];
  const source = await readYaml(shownPath(file), keyring);
  return { value: compileValue(source, source.contents, problems), problems };
}

/** A path as people want to read it: from where they are, unless that would climb. */
export function shownPath(file: string): string {
  const relative = path.relative(process.cwd(), path.resolve(file));
  return relative.startsWith("..") || relative === "" ? path.resolve(file) : relative;
}

/** The start of a file, for what is wrong with all of it. */
export function startOf(file: string): SourceRange {
  return { file, line: 1, column: 1 };
}

/** Runs a part of the loading; what is wrong in it is noted, and the rest goes on. */
export async function collecting<T>(state: LoadState, load: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    state.problems.push(...error.diagnostics);
    return undefined;
  }
}

/** What was found, each finding once (a file that is used twice is wrong once), file by file and from top to bottom. */
export function tidy(problems: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  const files = [...new Set(problems.map(({ at }) => at?.file))];
  const unique = problems.filter((problem) => {
    const key = JSON.stringify([
      problem.at?.file,
      problem.at?.line,
      problem.at?.column,
      problem.code,
      problem.message,
    ]);
    // Braces in a condition break the template and the condition; the second finding says what to write.
    const overruled =
      problem.code === "template-syntax" &&
      problems.some((other) => other.code === "expression-syntax" && isSamePlace(other.at, problem.at));
    if (seen.has(key) || overruled) return false;
    seen.add(key);
    return true;
  });
  const place = ({ at }: Diagnostic): number[] => [files.indexOf(at?.file), at?.line ?? 0, at?.column ?? 0];
  return unique.sort((one, other) => {
    const [left, right] = [place(one), place(other)];
    const index = left.findIndex((part, position) => part !== right[position]);
    return index === -1 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
  });
}

function isSamePlace(one: SourceRange | undefined, other: SourceRange | undefined): boolean {
  return one?.file === other?.file && one?.line === other?.line && one?.column === other?.column;
}

export const NOTHING_INHERITED: InheritedKeywords = {
  environment: [],
  tags: [],
  when: [],
  variables: [],
  includeVariables: [],
  moduleDefaults: new Map(),
};
