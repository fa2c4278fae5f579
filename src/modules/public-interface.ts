import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { defineQuery, known, notKnown } from "../queries/query.ts";
import { unitState } from "../queries/unit-state.ts";
import { quote, rawShell, sh, shellLines } from "../shell/shell-text.ts";
import {
  attributeDifferences,
  diffManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineLoadingModule, defineModule, ModuleFailure } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";

/**
 * What a module that a user puts beside a playbook is made with: the same that ours are made with. It is handed to the module's file, so that nothing has to
 * be installed where playbooks are (docs/writing-a-module.md).
 */
export const publicInterface = {
  z,
  defineModule,
  defineLoadingModule,
  ModuleFailure,
  defineQuery,
  known,
  notKnown,
  pathState,
  unitState,
  sh,
  shellLines,
  rawShell,
  quote,
  textContent,
  managedFileQuery,
  diffManagedFile,
  managedFileSteps,
  attributeDifferences,
  absolutePath,
  accountName,
  fileMode,
};

export type Plumb = typeof publicInterface;
