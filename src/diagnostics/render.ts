import { readFileSync, statSync } from "node:fs";
import { styleText } from "node:util";
import { type Diagnostic, formatPosition, type SourceRange } from "./diagnostic.ts";

/** Gives a line of a file (counted from 1), or undefined when it can't be read. */
export type ReadLine = (file: string, line: number) => string | undefined;

export interface RenderOptions {
  readLine?: ReadLine;
  /** Whether to colour; without it, plain text. */
  colour?: boolean;
}

const COLOURS = { error: "red", warning: "yellow", note: "cyan" } as const;

type Style = Parameters<typeof styleText>[0];

/** Lines are cut where they would fill the screen; the caret stays in sight. */
const LONGEST_LINE = 140;

/** A diagnostic for a person: where, what, the line with a caret below it, what would be right, what to do. */
export function renderDiagnostic(
  diagnostic: Omit<Diagnostic, "code" | "severity"> & {
    code: string;
    severity: Diagnostic["severity"] | "note";
  },
  options: RenderOptions = {},
): string {
  const { at, severity, message, expected, hint, code } = diagnostic;
  const { readLine = lineOfFile, colour = false } = options;
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const where = at === undefined ? "" : `${paint("bold", printable(formatPosition(at)))}: `;
  const word = paint(COLOURS[severity], severity);
  const lines = [
    `${where}${word}: ${printable(message)} ${paint("gray", `[${printable(code)}]`)}`,
    ...(at === undefined ? [] : excerpt(at, readLine, paint)),
    ...(expected === undefined ? [] : [`  expected: ${printable(expected)}`]),
    ...(hint === undefined ? [] : [`  ${paint("cyan", printable(hint))}`]),
  ];
  return lines.join("\n");
}

/** The line at fault with a caret; nothing where the file can't be read any more. */
function excerpt(
  at: SourceRange,
  readLine: ReadLine,
  paint: (style: Style, text: string) => string,
): string[] {
  const written = readLine(at.file, at.line);
  if (written === undefined) return [];
  const line = printable(written.replace(/\r$/, ""));
  const start = Math.min(at.column, line.length + 1) - 1;
  const end = at.endLine === at.line && at.endColumn !== undefined ? at.endColumn - 1 : undefined;
  // A value of several lines is marked to the end of its first.
  const isLong = at.endLine !== undefined && at.endLine > at.line;
  const stop = Math.max(
    start + 1,
    Math.min(end ?? (isLong ? line.trimEnd().length : start + 1), line.length),
  );
  const from = start > LONGEST_LINE - 20 ? start - 20 : 0;
  const shown = line.slice(from, from + LONGEST_LINE);
  const before = line.slice(from, start);
  const number = String(at.line);
  const margin = paint("gray", `  ${number} |`);
  const blank = paint("gray", `  ${" ".repeat(number.length)} |`);
  const marked = line.slice(start, Math.min(stop, from + LONGEST_LINE));
  return [
    `${margin} ${from > 0 ? "…" : ""}${shown}${from + LONGEST_LINE < line.length ? "…" : ""}`,
    `${blank} ${from > 0 ? " " : ""}${blankFor(before)}${paint("red", "^".repeat(Math.max(1, width(marked))))}`,
  ];
}

/** Blanks as wide as the text; tabs stay tabs, so that the caret stands under what it means wherever tabs end. */
function blankFor(text: string): string {
  return [...text].map((character) => (character === "\t" ? "\t" : " ".repeat(width(character)))).join("");
}

/** Cells on a terminal: East Asian wide and emoji characters take two, combining marks none. */
function width(text: string): number {
  let cells = 0;
  for (const character of text) {
    if (/\p{Mark}|\u200d|\ufe0f/u.test(character)) continue;
    cells +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return cells;
}

/** A file may hold anything, and must not be able to write to the terminal. Tabs and line ends stay. */
function printable(line: string): string {
  return line.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    "\ufffd",
  );
}

function lineOfFile(file: string, line: number): string | undefined {
  try {
    // A pipe would be waited for without end.
    if (!statSync(file).isFile()) return undefined;
    const lines = readFileSync(file, "utf8").split("\n");
    // Of a vaulted file the position is one in what the vault holds; its own lines say nothing.
    if (line > 1 && /^(\$ANSIBLE_VAULT;|age-encryption|-----BEGIN AGE)/.test(lines[0] ?? ""))
      return undefined;
    return lines[line - 1];
  } catch {
    // The excerpt is a courtesy; position and message stand without it.
    return undefined;
  }
}
