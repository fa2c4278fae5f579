import type { Rule } from "../rule.ts";
import { becomeUserAlone } from "./become-user-alone.ts";
import { commandInsteadOfModule } from "./command-instead-of-module.ts";
import { latestPackage } from "./latest-package.ts";
import { missingFile } from "./missing-file.ts";
import { needlessShell } from "./needless-shell.ts";
import { noChangedWhen } from "./no-changed-when.ts";
import { noHostsMatch } from "./no-hosts-match.ts";
import { notFollowed } from "./not-followed.ts";
import { numericMode } from "./numeric-mode.ts";
import { plainSecret } from "./plain-secret.ts";
import { reservedVariable } from "./reserved-variable.ts";
import { strayVariablesFile } from "./stray-variables-file.ts";
import { templateFile } from "./template-file.ts";
import { undefinedVariable } from "./undefined-variable.ts";
import { unknownRoleVariable } from "./unknown-role-variable.ts";
import { unnamed } from "./unnamed.ts";
import { unquotedInShell } from "./unquoted-in-shell.ts";
import { unusedHandler } from "./unused-handler.ts";
import { unusedVariable } from "./unused-variable.ts";
import { variableCycle } from "./variable-cycle.ts";

/** Every rule, in alphabetical order. */
export const rules: readonly Rule[] = [
  becomeUserAlone,
  commandInsteadOfModule,
  latestPackage,
  missingFile,
  needlessShell,
  noChangedWhen,
  noHostsMatch,
  notFollowed,
  numericMode,
  plainSecret,
  reservedVariable,
  strayVariablesFile,
  templateFile,
  undefinedVariable,
  unknownRoleVariable,
  unnamed,
  unquotedInShell,
  unusedHandler,
  unusedVariable,
  variableCycle,
];
