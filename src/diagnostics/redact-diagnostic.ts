import { type Diagnostic, DiagnosticsError } from "./diagnostic.ts";
import type { Secrets } from "./secrets.ts";

/** The diagnostic with asterisks where secrets stood. Its excerpt is a line of a file, which can only hold what its readers may read. */
export function redactDiagnostic(diagnostic: Diagnostic, secrets: Secrets): Diagnostic {
  const { message, expected, hint } = diagnostic;
  return {
    ...diagnostic,
    message: secrets.redact(message),
    ...(expected === undefined ? {} : { expected: secrets.redact(expected) }),
    ...(hint === undefined ? {} : { hint: secrets.redact(hint) }),
  };
}

/** What `act` gives; an error that it throws says no secret. */
export async function withoutSecrets<Result>(secrets: Secrets, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (secrets.isEmpty) throw error;
    if (error instanceof DiagnosticsError) {
      const diagnostics = error.diagnostics.map((one) => redactDiagnostic(one, secrets));
      throw new DiagnosticsError(diagnostics);
    }
    if (error instanceof Error) {
      error.message = secrets.redact(error.message);
      if (error.stack !== undefined) error.stack = secrets.redact(error.stack);
    }
    throw error;
  }
}
