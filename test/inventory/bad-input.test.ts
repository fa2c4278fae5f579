import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Diagnostic, DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { variablesOfHost } from "../../src/inventory/show.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { expectProper } from "../playbook/wrong-values.ts";
import { folderWith } from "./inventory-files.ts";

/** One value of each kind, as JSON, which is YAML too. */
const VALUES = {
  number: "7",
  text: '"wrods"',
  boolean: "true",
  list: "[1]",
  names: '["a"]',
  "list-of-mappings": '[{"a": 1}]',
  mapping: '{"a": 1}',
  "mapping-of-mappings": '{"a": {"x": 1}}',
  nothing: "null",
  "empty-text": '""',
  "empty-list": "[]",
  "empty-mapping": "{}",
  nul: '"a\\u0000b"',
} as const;

type Kind = keyof typeof VALUES;

const NOTHING = "nothing empty-mapping";
const MAPPING = `mapping mapping-of-mappings ${NOTHING}`;
const NAMES = "names empty-list";

/** What is wrong with an inventory and the variables of all its hosts. */
async function problemsOf(
  files: Readonly<Record<string, string>>,
  source: string,
): Promise<readonly Diagnostic[]> {
  const folder = await folderWith(files);
  try {
    const inventory = await loadInventory([path.join(folder, source)]);
    for (const host of inventory.hosts.keys()) await variablesOfHost(inventory, host, new Keyring());
    return [];
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics;
  }
}

/** Places of a YAML inventory: the text around the value, and what may stand there. */
const YAML: readonly [what: string, text: (value: string) => string, takes: string][] = [
  ["a group", (value) => `web: ${value}\n`, NOTHING],
  ["the group all", (value) => `all: ${value}\n`, NOTHING],
  ["hosts", (value) => `web:\n  hosts: ${value}\n`, `text mapping-of-mappings ${NOTHING}`],
  ["children", (value) => `web:\n  children: ${value}\n`, `text ${NOTHING}`],
  ["vars", (value) => `web:\n  vars: ${value}\n`, MAPPING],
  ["a host", (value) => `web:\n  hosts:\n    h1: ${value}\n`, MAPPING],
  ["a child", (value) => `web:\n  children:\n    c1: ${value}\n`, NOTHING],
  ["a misspelt key", (value) => `web:\n  hsots: ${value}\n`, ""],
  [
    "ansible_group_priority",
    (value) => `web:\n  vars:\n    ansible_group_priority: ${value}\n`,
    "number boolean",
  ],
];

/** Places of what a program prints. */
const PRINTED: readonly [what: string, text: (value: string) => string, takes: string][] = [
  ["all of it", (value) => value, "mapping-of-mappings empty-mapping"],
  ["a group", (value) => `{"web": ${value}}`, `${NAMES} mapping mapping-of-mappings empty-mapping`],
  ["hosts", (value) => `{"web": {"hosts": ${value}}}`, NAMES],
  ["children", (value) => `{"web": {"children": ${value}}}`, NAMES],
  ["vars", (value) => `{"web": {"vars": ${value}}}`, MAPPING],
  ["_meta", (value) => `{"_meta": ${value}}`, "mapping mapping-of-mappings empty-mapping"],
  [
    "hostvars",
    (value) => `{"web": ["a"], "_meta": {"hostvars": ${value}}}`,
    "mapping-of-mappings empty-mapping",
  ],
  ["variables of a host", (value) => `{"web": ["a"], "_meta": {"hostvars": {"a": ${value}}}}`, MAPPING],
];

describe.each(YAML)("in a YAML inventory, %s", (_, text, takes) => {
  test.each(Object.keys(VALUES) as Kind[])("that is %s", async (kind) => {
    const written = text(VALUES[kind]);
    const problems = await problemsOf({ "hosts.yml": written }, "hosts.yml");
    const told = JSON.stringify(problems);
    if (takes.split(" ").includes(kind)) {
      expect(problems, told).toEqual([]);
      return;
    }
    expectProper(problems[0], told);
    expect(problems[0]?.at?.line, told).toBe(written.trimEnd().split("\n").length);
  });
});

describe.each(PRINTED)("printed by a program, %s", (_, text, takes) => {
  test.each(Object.keys(VALUES) as Kind[])("that is %s", async (kind) => {
    const program = `#!/bin/sh\ncat <<'END'\n${text(VALUES[kind])}\nEND\n`;
    const problems = await problemsOf({ cloud: program }, "cloud");
    const told = JSON.stringify(problems);
    if (takes.split(" ").includes(kind)) {
      expect(problems, told).toEqual([]);
      return;
    }
    expect(problems, told).not.toEqual([]);
    expect(problems[0]?.message, told).toMatch(/\/cloud|control characters/);
    expect(`${problems[0]?.message}`, told).not.toMatch(/undefined|object Object|Unexpected token|TypeError/);
  });
});

describe("the variables of a group", () => {
  test.each(Object.keys(VALUES) as Kind[])("in a file that is %s", async (kind) => {
    const problems = await problemsOf(
      { hosts: "[web]\na\n", "group_vars/web.yml": `${VALUES[kind]}\n` },
      "hosts",
    );
    if (MAPPING.split(" ").includes(kind)) expect(problems).toEqual([]);
    else {
      expectProper(problems[0], kind);
      expect(problems[0]?.at?.file).toContain("group_vars/web.yml");
    }
  });
});

/** Lines of an INI inventory, and what of them is told: where, and in which words. */
const INI: readonly [line: string, place: string, said: RegExp][] = [
  ["[web", "1:1", /bracket .* not closed/],
  ["[web] junk", "1:1", /no section: .*alone in its line/],
  ["[web:vras]\na=1", "1:1", /did you mean \[web:vars\]\?/],
  ["[web:chlidren]\nb", "1:1", /did you mean \[web:children\]\?/],
  ["[web:things]\nb", "1:1", /a section is .*\[group:children\]/],
  ["[web:children:more]", "1:1", /no section/],
  ["[a b]", "1:1", /without blanks/],
  ["[]", "1:1", /no section/],
  ["a b", "1:1", /`b` behind the host `a` is not a variable: write name=value/],
  ["a =b", "1:1", /no name in front of `=b`/],
  ["  a b='x", "1:3", /quote ' is not closed/],
  ["a b=1 c", "1:1", /`c` behind the host/],
  ["[web]\n[web:vars]\na", "3:1", /`a` is not a variable: write name=value/],
  ["[web]\n[web:vars]\n=1", "3:1", /no name in front of/],
  ["[web:vars]\na=1", "1:1", /nothing defines/],
  ["[web:children]\nb c", "2:1", /no name of a group/],
  ["[web:children]\nb", "2:1", /names the group `b`, which nothing defines/],
  ["[all:children]\nall", "2:1", /its own child/],
  ["a[1", "1:1", /not closed/],
  ["a[]", "1:1", /not a range: write \[1:9\]/],
  ["a[1]", "1:1", /not a range/],
  ["a[1:]", "1:1", /not a range/],
  ["a[1:b]", "1:1", /not a range/],
  ["a[aa:bb]", "1:1", /not a range/],
  ["a[3:1]", "1:1", /ends before it begins/],
  ["a[b:a]", "1:1", /ends before it begins/],
  ["a[1:2:0]", "1:1", /not a range/],
  ["a[1:2:x]", "1:1", /not a range/],
  ["a[1:999999999]", "1:1", /host/],
  ["a\u0007", "1:1", /control characters/],
  ["[web\u0007]\na", "1:1", /control characters/],
];

test.each(INI)("the INI line %j is told of at %s", async (line, place, said) => {
  const problems = await problemsOf({ hosts: `${line}\n` }, "hosts");
  expectProper(problems[0], JSON.stringify(problems));
  expect(`${problems[0]?.at?.line}:${problems[0]?.at?.column}`).toBe(place);
  expect(problems[0]?.message).toMatch(said);
});

test("everything that is wrong with a YAML inventory is told at once", async () => {
  const text = `all:
  hosts: {a: [1], "b[": }
  vars: [x]
  chidlren: {}
web: 7
db:
  hosts: {c: {ansible_port: 1}}
  children: {x: {hsots: }}
`;
  const problems = await problemsOf({ "hosts.yml": text }, "hosts.yml");
  expect(problems.map(({ at }) => at?.line)).toEqual([2, 2, 3, 4, 5, 8]);
});

test("a misspelt key of a group that a program prints is no host with a variable", async () => {
  const printed = (text: string): Promise<readonly Diagnostic[]> =>
    problemsOf({ cloud: `#!/bin/sh\necho '${text}'\n` }, "cloud");
  for (const [text, meant] of [
    ['{"web": {"hsots": ["a"]}}', "hosts"],
    ['{"web": {"hosts": ["a"], "vras": {"x": 1}}}', "vars"],
    ['{"web": {"chlidren": ["b"]}, "b": []}', "children"],
  ] as const)
    expect((await printed(text))[0]?.message).toContain(`did you mean \`${meant}\`?`);
  expect(await printed('{"web1": {"host": "192.0.2.1", "var": 1}}')).toEqual([]);
  expect((await printed("hello, world"))[0]?.message).toContain(
    "printed no JSON, or half of it; it begins with `hello",
  );
  expect((await printed('{"web": ["a"'))[0]?.message).toContain('it begins with `{"web"');
});
