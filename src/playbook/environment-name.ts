import type { Diagnostic, SourceRange } from "../diagnostics/diagnostic.ts";

/** Whether a shell can export a variable of this name. */
export function isEnvironmentName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** The finding for a name that it can't. */
export function badEnvironmentName(name: string, at: SourceRange): Diagnostic {
  return {
    severity: "error",
    code: "wrong-type",
    message: `\`${name}\` can't be the name of an environment variable`,
    at,
    expected: "letters, digits and _",
  };
}
