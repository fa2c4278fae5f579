import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { insteadOf } from "../../src/playbook/check-keywords.ts";
import { INSTEAD } from "../../src/playbook/keywords.ts";
import { compileExpression } from "../../src/variables/expression.ts";
import { scopeOf } from "./scope-of.ts";

const at = { file: "site.yml", line: 1, column: 1 };
const VARIABLES = `name: {a: 1}
lists: [1, [2, [3]]]
flat: [1, 2]
one: [1, 2]
other: [x, y]
users: [{name: u, keys: [k, l]}]
groups: {NAME: [h1]}
`;

/** What Ansible's loop would give, and the expression that the hint for it names. */
test.each([
  ["with_dict", "dict2items(name)", [{ key: "a", value: 1 }]],
  ["with_items", "flatten(lists, 1)", [1, 2, [3]]],
  ["with_flattened", "flatten(lists)", [1, 2, 3]],
  [
    "with_together",
    "zip(one, other)",
    [
      [1, "x"],
      [2, "y"],
    ],
  ],
  [
    "with_nested",
    "product(one, other)",
    [
      [1, "x"],
      [1, "y"],
      [2, "x"],
      [2, "y"],
    ],
  ],
  [
    "with_cartesian",
    "product(one, other)",
    [
      [1, "x"],
      [1, "y"],
      [2, "x"],
      [2, "y"],
    ],
  ],
  [
    "with_subelements",
    'subelements(users, "keys")',
    [
      [{ name: "u", keys: ["k", "l"] }, "k"],
      [{ name: "u", keys: ["k", "l"] }, "l"],
    ],
  ],
  ["with_sequence", "range(1, 4)", [1, 2, 3]],
  ["with_lines", "splitlines(pipe(\"printf 'a\\\\nb\\\\n'\"))", ["a", "b"]],
  ["with_inventory_hostnames", "groups.NAME", ["h1"]],
])("instead of %s: %s", (keyword, expression, expected) => {
  const called = expression.replace(/\(.*$/s, "");
  expect(INSTEAD[keyword]).toContain(called);
  expect(compileExpression(expression, at).evaluate(scopeOf(VARIABLES))).toEqual(expected);
});

test("instead of with_fileglob, with_first_found and with_random_choice", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-with-"));
  await writeFile(path.join(folder, "a.conf"), "");
  const evaluate = (source: string): unknown => compileExpression(source, at).evaluate(scopeOf(VARIABLES));
  expect(evaluate(`fileglob("${folder}/*.conf")`)).toEqual([path.join(folder, "a.conf")]);
  const paths = `["${folder}/b.conf", "${folder}/a.conf"]`;
  expect(evaluate(`[first(${paths}.filter(path, file_exists(path)))]`)).toEqual([
    path.join(folder, "a.conf"),
  ]);
  expect([[1], [2]]).toContainEqual(evaluate('[random(flat, "h")]'));
});

test("every with_ that there may be has an answer", () => {
  expect(insteadOf("with_something")).toContain("loop:");
});
