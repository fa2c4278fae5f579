import { expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { parseYaml } from "../../src/variables/yaml-source.ts";

/** `LINE:COLUMN what | hint` of each thing that is wrong. */
function problemsIn(text: string): string[] {
  try {
    parseYaml(text, "site.yml");
  } catch (error) {
    if (error instanceof DiagnosticsError)
      return error.diagnostics.map(
        ({ at, message, hint }) => `${at?.line}:${at?.column} ${message} | ${hint}`,
      );
    throw error;
  }
  return [];
}

test.each([
  [
    "a quote without an end",
    '- copy:\n    content: "a\n    dest: /tmp/x\n- debug:\n',
    /^2:14 .*never closed/,
  ],
  ["one in a flow", "- copy: {content: 'a, dest: /x}\n- debug:\n", /^1:19 .*never closed/],
  ["a line too far to the left", "- name: x\n debug: {}\n", /^2:2 .*in another column/],
  ["a line too far to the right", "- debug:\n- name: x\n   debug: {}\n", /^2:9 .*start too far to the right/],
  ["a colon in a text", "- name: a: b\n", /^1:9 .*must be in quotes/],
  ["a letter that means something", "a: @x\n", /^1:4 .*must be in quotes/],
  ["a list without an end", "a: [1, 2\nb: 3\n", /^2:1 .*`\[` above has no end/],
])("%s is told once, where one has to look", (_what, text, told) => {
  expect(problemsIn(text)[0]).toMatch(told);
});

test("what stands behind a quote without an end is not told of", () => {
  expect(problemsIn('a: {b: "c}\nd: [\n')).toHaveLength(1);
});
