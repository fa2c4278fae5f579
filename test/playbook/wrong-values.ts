import { expect } from "vitest";
import type { Diagnostic } from "../../src/diagnostics/diagnostic.ts";
import { type Files, problemsOf } from "./loading.ts";

/** One value of each kind that YAML can say, and that somebody could write where another is meant. */
export const VALUES = {
  number: "7",
  fraction: "1.5",
  negative: "-1",
  text: "wrods",
  boolean: "true",
  list: "[1]",
  "list-of-mappings": "[{a: 1}]",
  mapping: "{a: 1}",
  nothing: "",
  "empty-text": '""',
  "empty-list": "[]",
  "empty-mapping": "{}",
  template: '"{{ x }}"',
  nul: '"a\\0b"',
} as const;

export type Kind = keyof typeof VALUES;

const KINDS = Object.keys(VALUES) as Kind[];

/** `text number …` for several keys each: what they take. */
export type Takes = Readonly<Record<string, string>>;

/** The kinds that a key takes, from a table of `several keys` to `several kinds`. */
export function kindsFor(takes: Takes, key: string): readonly Kind[] {
  const rows = Object.entries(takes).filter(([keys]) => keys.split(" ").includes(key));
  if (rows.length !== 1) throw new Error(`${key} stands in ${rows.length} rows of the table, and not in one`);
  const kinds = (rows[0]?.[1] ?? "").split(" ").filter(Boolean);
  const unknown = kinds.filter((kind) => !KINDS.includes(kind as Kind));
  if (unknown.length > 0) throw new Error(`there is no kind of value ${unknown.join(", ")}`);
  return kinds as Kind[];
}

/** Words of Plumb's insides, of JavaScript's and of libraries: nobody who writes playbooks knows them. */
const INTERNAL =
  /undefined|object Object|NaN|\bnull\b|Error:|\bEOF\b|RPAREN|IDENTIFIER|[Tt]oken|Zod|invalid_type|Expecting|Templated|literal|node_modules|\.ts\b/;

/** What was expected is said: in words, as a list, or by what to write instead. */
const SAYS_WHAT = /\b(must|needs?|can't|no|not|neither|nothing|only|empty|give)\b/;

/** A finding as every finding should be: with a whole position, and no word of Plumb's insides. */
export function expectProper(problem: Diagnostic | undefined, told: string): void {
  expect(problem, told).toBeDefined();
  if (problem === undefined) return;
  const { at, message, expected = "", hint = "" } = problem;
  expect(at?.file, told).toMatch(/\w/);
  expect(at?.line, told).toBeGreaterThan(0);
  expect(at?.column, told).toBeGreaterThan(0);
  expect(`${message}\n${expected}\n${hint}`, told).not.toMatch(INTERNAL);
  expect(message, told).toMatch(/\w{3}/);
}

/**
 * Writes a value of each kind behind a key, and expects an error in its line for each kind that the key does not take, and none for those that it takes.
 *
 * @param text the files with the value in them
 * @param marker what stands right in front of the value, alone in its file
 */
export async function expectTaken(
  takes: readonly Kind[],
  text: (value: string) => Files,
  marker: string,
): Promise<void> {
  for (const kind of KINDS) {
    const files = text(VALUES[kind]);
    const problems = await problemsOf(files);
    const told = `${kind}: ${JSON.stringify(problems)}`;
    if (takes.includes(kind)) {
      expect(
        problems.filter(({ severity }) => severity === "error"),
        told,
      ).toEqual([]);
      continue;
    }
    const [problem] = problems;
    expectProper(problem, told);
    expect(`${problem?.message} ${problem?.expected} ${problem?.hint}`, told).toMatch(SAYS_WHAT);
    const place = placeOf(files, marker);
    expect(`${problem?.at?.file}:${problem?.at?.line}`, told).toBe(`${place.file}:${place.line}`);
    expect(problem?.at?.column, told).toBeGreaterThanOrEqual(place.column);
  }
}

function placeOf(files: Files, marker: string): { file: string; line: number; column: number } {
  for (const [file, text] of Object.entries(typeof files === "string" ? { "site.yml": files } : files)) {
    const lines = text.split("\n");
    const line = lines.findLastIndex((one) => one.includes(marker));
    if (line >= 0) return { file, line: line + 1, column: (lines[line]?.indexOf(marker) ?? 0) + 1 };
  }
  throw new Error(`nothing says ${marker}`);
}
