import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import { PendingVariable } from "../../src/variables/scope.ts";
import type { Value } from "../../src/variables/value.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";

/** The value of `wanted` in a file of variables. */
function valueIn(yaml: string, wanted = "wanted"): Value | undefined {
  return createScope({ layers: [{ level: "test", variables: parseVariables(yaml, "vars.yml") }] }).lookup(
    wanted,
  );
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return "no error";
  } catch (error) {
    return error instanceof DiagnosticsError
      ? error.diagnostics.map(({ code, at }) => `${code}@${at?.line}`).join()
      : String(error);
  }
}

describe("templates", () => {
  test.each([
    ["a whole number keeps its type", 'n: 6432\nwanted: "{{ n }}"', 6432],
    ["numbers side by side are text", 'a: 1\nb: 2\nwanted: "{{a}}{{b}}x"', "12x"],
    ["a list in text is JSON", 'l: [1, a]\nwanted: "is {{ l }}"', 'is [1,"a"]'],
    ["nothing is escaped", "t: <a & 'b'>\nwanted: \"{{ t }}!\"", "<a & 'b'>!"],
    ["default takes over for what is undefined", "wanted: \"{{ default nothing 'x' }}\"", "x"],
    [
      "each, index and parent",
      'l: [{n: 1}, {n: 2}]\ns: "-"\nwanted: "{{#each l}}{{@index}}{{../s}}{{n}};{{/each}}"',
      "0-1;1-2;",
    ],
    ["false is text, null is nothing", 'f: false\nn: null\nwanted: "[{{ f }}{{ n }}]"', "[false]"],
    ["a variable may be called like a helper", 'first: mine\nwanted: "{{ first }}"', "mine"],
    ["yes is true and y is not", "wanted: [yes, y, on, n]", [true, "y", true, "n"]],
    ["an expression computes", "n: 2\nwanted: !expr n * 3 + 1", 7],
    [
      "and, or and not are taken for symbols",
      'a: true\nwanted: !expr a and not false or "and" == "or"',
      true,
    ],
    [
      "default asks for each item of a list what it has",
      "m: [{a: 1}, {b: 2}]\nwanted: !expr m.map(one, default(one.a, 5))",
      [1, 5],
    ],
    [
      "defined asks on the way through another variable, by an item of a list",
      "h: {x: {p: {q: 1}}, y: {}}\nl: [x, y, z]\nwanted: !expr l.filter(one, defined(h[one].p.q))",
      ["x"],
    ],
    [
      "an item of a list that is null has the fallback",
      "m: [null, 2]\nwanted: !expr m.map(one, default(one, default(missing, 7)))",
      [7, 2],
    ],
    ["default in an expression forgives missing keys", "m: {a: 1}\nwanted: !expr default(m.b.c, 5)", 5],
    ["lookup goes down key by key", "m: {a: {b: 7}}\nk: a\nwanted: \"{{ lookup m k 'b' }}\"", 7],
    ["comparisons nest", 'n: 3\nwanted: "{{#if (and (gt n 2) (not (eq n 4)))}}yes{{/if}}"', "yes"],
    ["merge keys", "base: &base {a: 1, b: 2}\nwanted: {<<: *base, b: 3}", { a: 1, b: 3 }],
  ])("%s", (_title, yaml, value) => {
    expect(valueIn(yaml)).toEqual(value);
  });

  test.each([
    ["an undefined variable", 'wanted: "{{ nothing }}"', "undefined-variable@1"],
    ["an undefined variable in an if", 'wanted: "{{#if nothing}}x{{/if}}"', "undefined-variable@1"],
    ["a lookup that finds nothing", "m: {a: 1}\nwanted: \"{{ lookup m 'b' }}\"", "undefined-variable@2"],
    ["a missing key", 'm: {a: 1}\nwanted: "{{ m.b }}"', "undefined-variable@2"],
    ["a variable made of itself", 'wanted: "{{ other }}"\nother: "{{ wanted }}"', "variable-cycle@1"],
    ["Jinja's filters", 'wanted: "{{ x | upper }}"', "template-syntax@1"],
    ["Jinja's tests", "wanted: !expr x is defined", "expression-syntax@1"],
    ["comparing text with a number", 'x: "3"\nwanted: !expr x > 1', "expression-evaluation@2"],
  ])("%s is an error with its position", (_title, yaml, code) => {
    expect(codeOf(() => valueIn(yaml))).toBe(code);
  });

  test("a typo gets the name that was meant", () => {
    try {
      valueIn('listen_port: 1\nwanted: "{{ listen_prot }}"');
      expect.unreachable();
    } catch (error) {
      expect((error as DiagnosticsError).diagnostics[0]?.hint).toContain("listen_port");
    }
  });

  test("what a task has yet to set is pending, not undefined", () => {
    const scope = createScope({
      layers: [{ level: "test", variables: parseVariables('wanted: "{{ later }}"', "f") }],
      pending: new Set(["later"]),
    });
    expect(() => scope.lookup("wanted")).toThrow(PendingVariable);
  });

  test("values set at run time are never rendered", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const hostile = `${text}{{ secret }}`;
        const scope = createScope({
          layers: [
            {
              level: "facts",
              variables: new Map([["fact", { value: { kind: "literal", value: hostile } }]]),
            },
          ],
        });
        expect(scope.lookup("fact")).toBe(hostile);
      }),
    );
  });
});
