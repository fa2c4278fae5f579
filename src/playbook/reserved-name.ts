import type { Diagnostic, SourceRange } from "../diagnostics/diagnostic.ts";
import { MAGIC_NAMES } from "./magic-names.ts";

/** A role may be asked for these, and outside of one they are names like any other. */
const OF_ROLES: readonly string[] = ["role_name", "role_path", "ansible_role_name"];

const RESERVED: ReadonlySet<string> = new Set(MAGIC_NAMES.filter((name) => !OF_ROLES.includes(name)));

/** Whether Plumb itself sets a variable of this name on every host, whatever else says. */
export function isReserved(name: string): boolean {
  return RESERVED.has(name);
}

/** The names that Plumb sets, for who looks whether one of them is among others. */
export const RESERVED_NAMES: readonly string[] = [...RESERVED];

/** The warning for who sets one. */
export function reservedName(name: string, at: SourceRange | undefined, level?: string): Diagnostic {
  const where = level === undefined ? "" : ` (${level})`;
  return {
    severity: "warning",
    code: "reserved-variable",
    message: `\`${name}\` is a variable that Plumb sets itself: what is said of it here counts for nothing${where}`,
    ...(at === undefined ? {} : { at }),
    hint: "give it another name",
  };
}
