import { readFileSync } from "node:fs";
import { type Diagnostic, formatPosition, type SourceRange } from "./diagnostic.ts";

/** A diagnostic for a person: where, what, the line with a caret below it, what would be right, what to do. */
export function renderDiagnostic(diagnostic: Diagnostic, readLine = lineOfFile): string {
  const { at, severity, message, expected, hint, code } = diagnostic;
  const where = at === undefined ? "" : `${formatPosition(at)}: `;
  return [
    `${where}${severity}: ${message} [${code}]`,
    ...(at === undefined ? [] : excerpt(at, readLine)),
    ...(expected === undefined ? [] : [`  expected: ${expected}`]),
    ...(hint === undefined ? [] : [`  ${hint}`]),
  ].join("\n");
}

/** The line at fault with a caret; nothing where the file can't be read any more. */
function excerpt(at: SourceRange, readLine: (file: string, line: number) => string | undefined): string[] {
  const line = readLine(at.file, at.line);
  if (line === undefined) return [];
  const number = String(at.line);
  const end = at.endLine === at.line && at.endColumn !== undefined ? at.endColumn : at.column + 1;
  const width = Math.max(1, Math.min(end, line.length + 1) - at.column);
  const before = line.slice(0, at.column - 1).replace(/[^\t]/g, " ");
  return [`  ${number} | ${line}`, `  ${" ".repeat(number.length)} | ${before}${"^".repeat(width)}`];
}

function lineOfFile(file: string, line: number): string | undefined {
  try {
    return readFileSync(file, "utf8").split("\n")[line - 1];
  } catch {
    // The excerpt is a courtesy; position and message stand without it.
    return undefined;
  }
}
