import { type Diagnostic, DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Module } from "../modules/module.ts";
import type { Templated } from "../variables/templated.ts";
import type { YamlSource } from "../variables/yaml-source.ts";
import type { InheritedKeywords, Node, RoleContext, Task } from "./playbook.ts";

/** What is gathered while a playbook is loaded; findings are collected, so that all are shown at once. */
export interface LoadState {
  problems: Diagnostic[];
  modules: Map<string, Module>;
  /** Loads a list of tasks and blocks: roles hold tasks, and tasks may pull in roles, so neither can import the other. */
  loadNodes: (context: LoadContext, list: Templated | undefined, what: string) => Promise<Node[]>;
  /** Where roles are looked for, besides beside the playbook. */
  rolePaths: readonly string[];
  playbookFolder: string;
}

/** Where a node is loaded: its file, and what it inherits. */
export interface LoadContext {
  state: LoadState;
  source: YamlSource;
  inherited: InheritedKeywords;
  role: RoleContext | undefined;
  /** Handlers of the play so far: roles add theirs. */
  handlers: Task[];
  /** Files and roles that led here, to find one that includes itself. */
  way: readonly string[];
  /** Makes the ids of tasks unique where a file is loaded more than once. */
  idPrefix: string;
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

export const NOTHING_INHERITED: InheritedKeywords = {
  environment: [],
  tags: [],
  when: [],
  variables: [],
  moduleDefaults: new Map(),
};
