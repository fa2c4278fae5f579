import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { renderDiagnostic } from "../diagnostics/render.ts";
import { safeText } from "../views/safe-text.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** Tells a person what went wrong before anything was touched, and gives the exit status for it. */
export function reportError(error: unknown): ExitCode {
  if (error instanceof DiagnosticsError) {
    const colour = process.stderr.isTTY === true && process.env["NO_COLOR"] === undefined;
    for (const diagnostic of error.diagnostics)
      process.stderr.write(`${renderDiagnostic(diagnostic, { colour })}\n`);
    return EXIT.badInput;
  }
  const text =
    error instanceof Error
      ? process.env["PLUMB_DEBUG"] === undefined
        ? error.message
        : (error.stack ?? error.message)
      : String(error);
  process.stderr.write(`plumb: ${safeText(text, { newlines: true })}\n`);
  return EXIT.failed;
}
