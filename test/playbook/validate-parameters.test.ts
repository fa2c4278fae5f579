import { describe, expect, test } from "vitest";
import { type Diagnostic, DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { checkParameters } from "../../src/playbook/check-parameters.ts";
import { validateParameters } from "../../src/playbook/validate-parameters.ts";
import { evaluate } from "../../src/variables/evaluate.ts";
import { scopeOf } from "./scope-of.ts";
import { stub, stubTask } from "./stub-module.ts";

const brief = ({ at, message }: Diagnostic): string =>
  `${at?.file === "task.yml" ? "" : at?.file}${at?.line}:${at?.column} ${message}`;

function atRunTime(yaml: string, variables: string): string[] {
  const task = stubTask(yaml);
  const scope = scopeOf(variables);
  const values = new Map(task.parameters.map(({ key, value }) => [key, evaluate(value, scope)]));
  try {
    validateParameters(stub, task, values, scope);
    return [];
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics.map(brief);
  }
}

const wrong: [string, string[]][] = [
  ["count: 1", ["99:1 `stub` needs the parameter `name`"]],
  ["name: x\ncount: 1\nnmae: x", ["3:1 `stub` has no parameter `nmae`"]],
  ["name: 5\ncount: 1", ["1:7 `stub.name` must be text, not the number 5"]],
  ["name: ''\ncount: 1", ["1:7 `stub.name` must not be empty"]],
  ["name: [a]\ncount: 1", ["1:7 `stub.name` must be text, not a list"]],
  ["name:\ncount: 1", ["1:6 `stub.name` must be text, not nothing"]],
  ["name: x\ncount: '1'", ['2:8 `stub.count` must be a number, not the text "1"']],
  ["name: x\ncount: 1.5", ["2:8 `stub.count` must be a whole number, not the number 1.5"]],
  ["name: x\ncount: 0", ["2:8 `stub.count` must be at least 1, not the number 0"]],
  ["name: x\ncount: 10", ["2:8 `stub.count` must be at most 9, not the number 10"]],
  ["name: x\ncount: 1\nenabled: 'yes'", ['3:10 `stub.enabled` must be true or false, not the text "yes"']],
  ["name: x\ncount: 1\nstate: presnt", ['3:8 `stub.state` can\'t be the text "presnt"']],
  ["name: x\ncount: 1\npath: a/b", ["3:7 `stub.path` must be an absolute path"]],
  ["name: x\ncount: 1\nnames: 5", ["3:8 `stub.names` must be text or a list, not the number 5"]],
  ["name: x\ncount: 1\nnames: [a, 5]", ["3:12 `stub.names.1` must be text, not the number 5"]],
  [
    "name: x\ncount: 1\nsettings: {a: [1]}",
    ["3:15 `stub.settings.a` must be text or a number or true or false, not a list"],
  ],
  ["name: x\ncount: 1\nsettings: {A: 1}", ['3:12 `stub.settings` can\'t be the text "A"']],
  ["name: x\ncount: 1\npools: {name: a}", ["3:8 `stub.pools` must be a list, not a mapping"]],
  ["name: x\ncount: 1\npools: [{name: a}, {size: 1}]", ["3:20 `stub.pools.1` needs the key `name`"]],
  ["name: x\ncount: 1\npools: [{name: a, sise: 1}]", ["3:19 `stub.pools.0` has no key `sise`"]],
  ["name: x", ["99:1 `stub.count` `count` belongs to `state: present`"]],
];

test("a NUL character, which no name or argument on a host can hold, is told when it is known, with its place", () => {
  expect(atRunTime('name: "{{ x }}"\ncount: 1', 'x: "a\\0b"')).toEqual([
    expect.stringContaining("`stub.name` must not contain a NUL character"),
  ]);
  expect(atRunTime('name: x\ncount: 1\nnames: [a, "b\\0"]', "")).toEqual([
    "3:12 `stub.names.1` must not contain a NUL character",
  ]);
});

describe("wrong parameters", () => {
  test.each(wrong)("%j are told when the playbook is loaded", (yaml, expected) => {
    expect(checkParameters({ module: stub, task: stubTask(yaml) }).map(brief)).toEqual(expected);
  });

  test.each(wrong)("%j are told when they are known", (yaml, expected) => {
    expect(atRunTime(yaml, "")).toEqual(expected);
  });

  test("are given a hint", () => {
    const hints = (yaml: string): unknown[] =>
      checkParameters({ module: stub, task: stubTask(yaml) }).map(({ hint }) => hint);
    expect(hints("name: x\ncount: 1\nstate: absnt")).toEqual(["did you mean `absent`?"]);
    expect(hints("name: x\ncount: 1\nstat: absent")).toEqual(["did you mean `state`?"]);
    expect(hints("name: x\ncount: 1\nenabled: 'yes'")[0]).toContain("without quotes");
    expect(hints("name: 5\ncount: 1")).toEqual(["put it in quotes"]);
  });

  test("that are secret are not shown", () => {
    const texts = [
      ...atRunTime("name: x\ncount: 1\npassword: 5551234", ""),
      ...atRunTime("name: x\ncount: 1\nusers: [{password: 5551234}]", ""),
      ...atRunTime("name: x\ncount: 1\nusers: {password: hunter2}", ""),
    ].join("\n");
    expect(texts).toContain("`stub.password` must be text, not what is given");
    expect(texts).toContain("`stub.users.0.password` must be text, not what is given");
    expect(texts).not.toMatch(/5551234|hunter2/);
  });
});

describe("parameters with templates", () => {
  const check = (yaml: string): string[] =>
    checkParameters({ module: stub, task: stubTask(yaml) }).map(brief);

  test("are checked as far as they are known when the playbook is loaded", () => {
    expect(check('name: "{{ x }}"\ncount: 10\nstat: x')).toEqual([
      "3:1 `stub` has no parameter `stat`",
      "2:8 `stub.count` must be at most 9, not the number 10",
    ]);
    expect(check('count: "{{ x }}"')).toEqual(["99:1 `stub` needs the parameter `name`"]);
  });

  test("inside of lists and mappings do not hide what is around them", () => {
    expect(check('name: x\npools: [{name: "{{ a }}", size: big}, {nme: "{{ b }}"}]')).toEqual([
      '2:33 `stub.pools.0.size` must be a number, not the text "big"',
      "2:39 `stub.pools.1` needs the key `name`",
      "2:40 `stub.pools.1` has no key `nme`",
    ]);
  });

  test("leave rules over several parameters for later", () => {
    expect(check('name: x\nstate: "{{ s }}"')).toEqual([]);
  });

  test("are blamed where their variables were written", () => {
    const yaml = 'name: x\ncount: 1\nsettings: "{{ mine }}"\npools: "{{ deep.pools }}"';
    const variables = "mine:\n  a: [1]\ndeep:\n  pools:\n    - name: a\n      size: big\n";
    expect(atRunTime(yaml, variables)).toEqual([
      "vars.yml2:6 `stub.settings.a` must be text or a number or true or false, not a list",
      'vars.yml6:13 `stub.pools.0.size` must be a number, not the text "big"',
    ]);
  });
});
