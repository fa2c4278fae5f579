import { describe, expect, test } from "vitest";
import type { RoleSpecification } from "../../src/playbook/playbook.ts";
import { checkRoleVariables } from "../../src/playbook/role-variables.ts";
import { tasksOf, withPlaybook } from "./loading.ts";
import { scopeOf } from "./scope-of.ts";

const SPECIFICATION = `argument_specs:
  main:
    options:
      port: {type: int, required: true, description: Where it listens}
      name: {type: str}
      ratio: {type: float}
      debug: {type: bool}
      mode: {type: str, choices: [fast, slow]}
      modes: {type: list, elements: str, choices: [fast, slow]}
      password: {type: str, secret: true, choices: [swordfish]}
      anything: {type: raw}
      pools:
        type: list
        elements: dict
        options:
          name: {type: str, required: true}
          size: {type: int}
          limits: {type: dict, options: {users: {type: list, elements: int}}}
`;

async function specification(): Promise<RoleSpecification> {
  const files = {
    "site.yml": "- hosts: all\n  roles: [app]\n",
    "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
    "roles/app/meta/argument_specs.yml": SPECIFICATION,
  };
  return withPlaybook(files, (playbook) => {
    const found = tasksOf(playbook)[0]?.role?.specification;
    if (found === undefined) throw new Error("no specification");
    return found;
  });
}

async function check(yaml: string): Promise<string[]> {
  const problems = checkRoleVariables(await specification(), scopeOf(yaml));
  return problems.map(({ at, code, message }) => {
    expect(code).toMatch(/^(invalid-role-variable|undefined-variable|variable-cycle)$/);
    return `${at?.file.replace(/.*\//, "")}:${at?.line}:${at?.column} ${message}`;
  });
}

describe("variables of a role", () => {
  test("that are right are not complained of", async () => {
    const yaml = `port: 5
name: x
ratio: 1
debug: no
mode: fast
modes: [fast, slow]
anything: {a: [1]}
pools:
  - name: a
    size: 3
    limits: {users: [1, 2]}
`;
    expect(await check(yaml)).toEqual([]);
  });

  test.each([
    [
      "a missing one, where the role asks for it",
      "name: x\n",
      ["argument_specs.yml:4:7 the variable `port` must be set"],
    ],
    ["an empty one", "port:\n", ["vars.yml:1:1 the variable `port` must be set"]],
    [
      "text for a number",
      'port: "5"\n',
      ['vars.yml:1:1 the variable `port` must be a whole number, not "5"'],
    ],
    ["a fraction", "port: 5.5\n", ["vars.yml:1:1 the variable `port` must be a whole number, not 5.5"]],
    ["a number for text", "port: 1\nname: 15\n", ["vars.yml:2:1 the variable `name` must be text, not 15"]],
    ["a choice that is none", "port: 1\nmode: fats\n", ['vars.yml:2:1 the variable `mode` can\'t be "fats"']],
    [
      "a choice in a list",
      "port: 1\nmodes: [fast, fats]\n",
      ['vars.yml:2:15 the variable `modes[1]` can\'t be "fats"'],
    ],
    [
      "a secret, without showing it",
      "port: 1\npassword: hunter2\n",
      ["vars.yml:2:1 the variable `password` can't be what it is"],
    ],
    [
      "a list for a mapping",
      "port: 1\npools: {}\n",
      ["vars.yml:2:1 the variable `pools` must be a list, not a mapping"],
    ],
    [
      "a key inside of a list",
      "port: 1\npools:\n  - name: a\n    sise: 2\n",
      ["vars.yml:4:11 the variable `pools[0]` has no key `sise`"],
    ],
    [
      "a missing key inside of a list",
      "port: 1\npools:\n  - size: 2\n",
      ["vars.yml:3:5 the variable `pools[0].name` must be set"],
    ],
    [
      "a value deep inside",
      "port: 1\npools:\n  - name: a\n    limits:\n      users: [1, b]\n",
      ['vars.yml:5:18 the variable `pools[0].limits.users[1]` must be a whole number, not "b"'],
    ],
    [
      "where a template leads",
      'port: 1\npools: "{{ mine }}"\nmine:\n  - name: 3\n',
      ["vars.yml:4:11 the variable `pools[0].name` must be text, not 3"],
    ],
    ["one that can't be rendered", 'port: "{{ nothing }}"\n', ["vars.yml:1:7 `nothing` is not defined"]],
    [
      "one that is made of itself",
      'port: "{{ port }}"\n',
      ["vars.yml:1:1 the variable `port` is made of itself: port -> port"],
    ],
  ])("are told at their own line: %s", async (_title, yaml, expected) => {
    expect(await check(yaml)).toEqual(expected);
  });
});
