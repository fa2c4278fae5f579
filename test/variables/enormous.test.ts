import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { compileExpression } from "../../src/variables/expression.ts";
import { compileTemplateFile } from "../../src/variables/text-template.ts";

function refusal(act: () => unknown): { code: string | undefined; line: number | undefined } {
  try {
    act();
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return { code: error.diagnostics[0]?.code, line: error.diagnostics[0]?.at?.line };
  }
  return { code: undefined, line: undefined };
}

describe("what nobody can read", () => {
  test("an expression of a hundred thousand parts is refused, and no stack overflows", () => {
    const source = Array.from({ length: 100_000 }, () => "true").join(" and ");
    expect(refusal(() => compileExpression(source, { file: "a.yml", line: 3, column: 1 }))).toEqual({
      code: "expression-syntax",
      line: 3,
    });
  });

  test("thousands of blocks that are never closed are refused at once; as many that are closed again are none of that", () => {
    const open = "{{#if true}}\n";
    expect(refusal(() => compileTemplateFile(open.repeat(5000), "a.hbs"))).toEqual({
      code: "template-syntax",
      line: 101,
    });
    expect(
      refusal(() => compileTemplateFile(`${open}x{{else}}y{{^}}z{{/if}}\n`.repeat(300), "a.hbs")).line,
    ).not.toBe(101);
    expect(
      refusal(() => compileTemplateFile(`${open}x{{else}}y{{/if}}\n`.repeat(300), "a.hbs")).code,
    ).toBeUndefined();
  });
});
