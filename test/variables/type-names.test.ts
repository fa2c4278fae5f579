import { describe, expect, test } from "vitest";
import { compileExpression } from "../../src/variables/expression.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import { TYPE_NAMES } from "../../src/variables/type-names.ts";
import type { Value } from "../../src/variables/value.ts";
import { lintFiles } from "../lint/lint-files.ts";

const at = { file: "play.yml", line: 1, column: 1 };

function result(source: string, variables: Record<string, Value>): Value {
  const layer = new Map(
    Object.entries(variables).map(([name, value]) => [name, { value: { kind: "literal" as const, value } }]),
  );
  return compileExpression(source, at).evaluate(
    createScope({ layers: [{ level: "test", variables: layer }] }),
  );
}

describe("variables named like CEL's types", () => {
  test.each([...TYPE_NAMES])("%s is a variable where there is one", (name) => {
    expect(result(`${name} + 'x'`, { [name]: "a" })).toBe("ax");
    expect(result(`default(${name}, 'b')`, {})).toBe("b");
    expect(result(`defined(${name}) and ${name} == 'a'`, { [name]: "a" })).toBe(true);
  });

  test("they can be taken apart, looped over, and stand beside functions of their name", () => {
    expect(result("list[0] + list.size()", { list: [5, 6] })).toBe(7);
    expect(result("list.map(list, list + 1)", { list: [1, 2] })).toEqual([2, 3]);
    expect(
      result("map.list.exists(one, one == string) and int('3') == 3", { map: { list: ["a"] }, string: "a" }),
    ).toBe(true);
  });

  test("beside type() they are types, whatever variables there are", () => {
    expect(result("type(a) == string and string == 'text'", { a: "x", string: "text" })).toBe(true);
    expect(result("list != type(a)", { a: [1], list: "text" })).toBe(false);
  });

  test("one that is not there is named by lint, and a type is not", async () => {
    const { places } = await lintFiles({
      "inventory/hosts.yml": "web:\n  hosts:\n    web1:\n      list: 1\n",
      "site.yml":
        "- name: Web\n  hosts: web1\n  tasks:\n    - name: One\n      debug: {msg: x}\n      when: type(list) == string\n    - name: Two\n      debug: {msg: x}\n      when: map.size() > 0\n",
    });
    expect(places).toEqual(["site.yml:9:13 undefined-variable"]);
  });
});
