import { expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { compileTemplateFile } from "../../src/variables/text-template.ts";

/** `LINE:COLUMN what` of what is wrong in a template. */
function problemIn(text: string): string {
  try {
    compileTemplateFile(text, "site.conf.hbs");
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    const [first] = error.diagnostics;
    return `${first?.at?.line}:${first?.at?.column} ${first?.message} | ${first?.hint}`;
  }
  return "";
}

test.each([
  ["braces without an end", "a\nlisten {{ port\n", /^2:8 .*never closed by `}}`/],
  ["one brace for two", "a\nb {{ c } d\n", /^2:3 .*never closed by `}}`/],
  ["a block without an end", "{{#each a}}\n{{#if b}}\n{{/each}}\n", /^2:1 .*{{#if}} is closed by {{\/each}}/],
  [
    "an outer one",
    "x\n {{#each a}}\n{{#if b}}{{/if}}\n",
    /^2:2 .*{{#each}} is never closed \| write {{\/each}}/,
  ],
  ["an end without a block", "a\n  {{/if}}\n", /^2:3 .*no open block/],
  ["an else without a block", "a {{else}}\n", /^1:3 .*no open block/],
  ["nothing in braces", "a line that is longer than what is shown of it\n {{ }}\n", /^2:2 /],
])("%s is told where it begins", (_what, text, told) => {
  expect(problemIn(text)).toMatch(told);
});
