import { describe, expect, test } from "vitest";
import { booleanOf, flagOf } from "../../src/playbook/flag.ts";
import { evaluate } from "../../src/variables/evaluate.ts";
import { compileText } from "../../src/variables/text-template.ts";
import { scopeOf } from "./scope-of.ts";

test.each([
  [true, true],
  ["yes", true],
  ["On", true],
  [1, true],
  ["false", false],
  ["NO", false],
  [0, false],
  ["perhaps", undefined],
  ["", undefined],
  [2, undefined],
  [null, undefined],
  [[], undefined],
])("%j counts as %s", (value, expected) => {
  expect(booleanOf(value)).toBe(expected);
});

describe("a keyword's template", () => {
  const at = { file: "site.yml", line: 1, column: 1 };
  const flag = flagOf("no_log", { kind: "text", template: compileText("{{ hide }}", at), at });

  test.each([
    ["hide: 'yes'", true],
    ["hide: true", true],
    ["hide: 'no'", false],
  ])("comes out as true or false: %s", (yaml, expected) => {
    expect(flag === undefined ? undefined : evaluate(flag, scopeOf(yaml))).toBe(expected);
  });

  test("that comes out as neither is an error: `no_log` must not be left out by accident", () => {
    expect(() => evaluate(flag ?? { kind: "literal", value: false }, scopeOf("hide: some"))).toThrow(
      "no_log",
    );
  });
});
