import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/diagnostics/diagnostic.ts";
import { renderDiagnostic } from "../../src/diagnostics/render.ts";

const problem = (at: Partial<NonNullable<Diagnostic["at"]>> = {}): Diagnostic => ({
  severity: "error",
  code: "unknown-key",
  message: "a task has no keyword `notfy`",
  at: { file: "roles/app/tasks/main.yml", line: 14, column: 5, ...at },
  hint: "did you mean `notify`?",
});

const render = (diagnostic: Diagnostic, line: string | undefined): string =>
  renderDiagnostic(diagnostic, { readLine: () => line });

/** The text above the carets. */
function marked(at: Partial<NonNullable<Diagnostic["at"]>>, line: string): string {
  const [, excerpt = "", carets = ""] = render(problem(at), line).split("\n");
  const start = carets.indexOf("^");
  return excerpt.slice(start, carets.lastIndexOf("^") + 1);
}

describe("a diagnostic for a person", () => {
  test("says where, what, shows the line with a caret, what is expected and what to do", () => {
    const text = render(
      { ...problem({ endLine: 14, endColumn: 10 }), expected: "name, when, notify" },
      "    notfy: restart",
    );
    expect(text).toBe(`roles/app/tasks/main.yml:14:5: error: a task has no keyword \`notfy\` [unknown-key]
  14 |     notfy: restart
     |     ^^^^^
  expected: name, when, notify
  did you mean \`notify\`?`);
  });

  test("does without the line where the file can't be read, and without a position where there is none", () => {
    expect(render(problem(), undefined)).not.toContain("|");
    const { at: _at, ...nowhere } = problem();
    expect(render(nowhere, "x").split("\n")[0]).toBe("error: a task has no keyword `notfy` [unknown-key]");
  });

  test.each([
    ["a range", { column: 3, endLine: 14, endColumn: 6 }, "abcdef", "cde"],
    ["one character where no end is known", { column: 3 }, "abcdef", "c"],
    [
      "to the end of the line where the value goes on below",
      { column: 3, endLine: 16, endColumn: 2 },
      "abcdef  ",
      "cdef",
    ],
    ["nothing beyond the line", { column: 5, endLine: 14, endColumn: 90 }, "abcdef", "ef"],
  ])("marks %s", (_title, at, line, expected) => {
    expect(marked(at, line)).toBe(expected);
  });

  test("puts the caret right behind tabs and wide characters", () => {
    const lines = render(problem({ column: 4 }), "\t表\tx").split("\n");
    expect(lines[2]).toBe("     | \t  \t^");
  });

  test("cuts a long line and keeps what is wrong in sight", () => {
    const line = `${"a".repeat(500)}WRONG${"b".repeat(500)}`;
    const text = render(problem({ column: 501, endLine: 14, endColumn: 506 }), line);
    const [, excerpt = "", carets = ""] = text.split("\n");
    expect(excerpt.length).toBeLessThan(170);
    expect(excerpt.slice(carets.indexOf("^"), carets.lastIndexOf("^") + 1)).toBe("WRONG");
  });

  test("is coloured only when asked", () => {
    const plain = render(problem(), "    notfy: x");
    const coloured = renderDiagnostic(problem(), { readLine: () => "    notfy: x", colour: true });
    expect(coloured).not.toBe(plain);
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });

  test("lets nothing of a file or a name reach the terminal's controls", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(300), (line, column) => {
        const at = { file: line, line: 1, column: column + 1 };
        const text = render({ ...problem({}), at, message: line, hint: line, expected: line }, line);
        expect(text).not.toMatch(
          /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/,
        );
      }),
    );
  });
});
