import type { Diagnostic, SourceRange } from "../diagnostics/diagnostic.ts";

/** Whether templates and expressions can say the name. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** The finding for a name that they can't. */
export function badVariableName(name: string, at: SourceRange): Omit<Diagnostic, "severity"> {
  return {
    code: "wrong-type",
    message: `\`${name}\` can't be the name of a variable`,
    at,
    expected: "letters, digits and underscores, not starting with a digit",
  };
}
