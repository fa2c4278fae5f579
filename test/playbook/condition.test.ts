import { describe, expect, test } from "vitest";
import { conditionsOf } from "../../src/playbook/condition.ts";
import { compileValue } from "../../src/variables/compile-value.ts";
import { parseYaml } from "../../src/variables/yaml-source.ts";
import { scopeOf } from "./scope-of.ts";

function conditions(yaml: string): ReturnType<typeof conditionsOf> {
  const source = parseYaml(yaml, "site.yml");
  return conditionsOf("when", compileValue(source, source.contents), {
    file: "site.yml",
    line: 1,
    column: 1,
  });
}

const holds = (yaml: string, variables: string): boolean =>
  conditions(yaml).every(({ expression }) => expression.evaluate(scopeOf(variables)) === true);

describe("a condition", () => {
  test.each([
    ["a > 1", "a: 2", true],
    ["a > 1 and not b", "a: 2\nb: false", true],
    ["[a, b]", "a: true\nb: false", false],
    ["[a, [b]]", "a: true\nb: true", true],
    ["true", "", true],
    ["no", "", false],
    ["!expr a == 1", "a: 1", true],
    ["[]", "", true],
  ])("%s with %j is %s", (yaml, variables, expected) => {
    expect(holds(yaml, variables)).toBe(expected);
  });

  test.each([
    ["a", 'a: "false"', "bool(a)"],
    ["a", "a: 1", "!= 0"],
    ["a", "a: []", "length"],
    ["a", "a:", "null"],
  ])("%s with %j is neither true nor false, and says what to write", (yaml, variables, hint) => {
    const [condition] = conditions(yaml);
    expect(() => condition?.expression.evaluate(scopeOf(variables))).toThrow(
      expect.objectContaining({
        diagnostics: [
          expect.objectContaining({ code: "expression-type", hint: expect.stringContaining(hint) }),
        ],
      }),
    );
  });

  test.each([
    ['"{{ a }}"', "`when: a`"],
    ['"{{ a }} == 1"', "`when: a == 1`"],
    ['"{{ a | bool }}"', "to_bool(a)"],
    ['"{% if a %}"', "CEL"],
  ])("in braces is refused, with what to write: %s", (yaml, hint) => {
    expect(() => {
      const source = parseYaml(yaml, "site.yml");
      conditionsOf("when", compileValue(source, source.contents, []), {
        file: "site.yml",
        line: 1,
        column: 1,
      });
    }).toThrow(
      expect.objectContaining({
        diagnostics: [
          expect.objectContaining({ code: "expression-syntax", hint: expect.stringContaining(hint) }),
        ],
      }),
    );
  });

  test("with several faults tells them all", () => {
    expect(() => conditions("[a >, b, 'c d']")).toThrow(
      expect.objectContaining({
        diagnostics: [
          expect.objectContaining({ at: expect.objectContaining({ column: 2 }) }),
          expect.objectContaining({ at: expect.objectContaining({ column: 10 }) }),
        ],
      }),
    );
  });
});
