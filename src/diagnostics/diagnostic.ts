import type { DiagnosticCode } from "./codes.ts";

/** A stretch of a source file. Lines and columns count from 1; `end` is exclusive. */
export interface SourceRange {
  file: string;
  line: number;
  column: number;
  endLine?: number;
  endColumn?: number;
}

/** What is wrong with the user's input, where, and what to do about it. */
export interface Diagnostic {
  severity: "error" | "warning";
  code: DiagnosticCode;
  /** One sentence: what is wrong. */
  message: string;
  /** Where it stands. Absent only when there is no file (a command-line option). */
  at?: SourceRange;
  /** What would have been right. */
  expected?: string;
  /** What to do next, such as "did you mean `owner`?". */
  hint?: string;
}

/** Carries every diagnostic that was collected before work stopped. */
export class DiagnosticsError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], options?: ErrorOptions) {
    super(diagnostics.map(diagnosticSummary).join("\n"), options);
    this.name = "DiagnosticsError";
    this.diagnostics = diagnostics;
  }
}

/** The diagnostic as one line: `file:line:column: message`. */
export function diagnosticSummary(diagnostic: Diagnostic): string {
  return `${diagnostic.at === undefined ? "" : `${formatPosition(diagnostic.at)}: `}${diagnostic.message}`;
}

/** `file:line:column`, the form that terminals and editors turn into a link. */
export function formatPosition(at: SourceRange): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/** A DiagnosticsError with one error in it; throw what this returns. */
export function inputError(
  code: DiagnosticCode,
  message: string,
  rest: Partial<Pick<Diagnostic, "at" | "expected" | "hint">> = {},
): DiagnosticsError {
  return new DiagnosticsError([{ severity: "error", code, message, ...rest }]);
}
