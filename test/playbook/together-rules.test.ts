import { describe, expect, test } from "vitest";
import { checkRoleVariables } from "../../src/playbook/role-variables.ts";
import { findings, tasksOf, withPlaybook } from "./loading.ts";
import { scopeOf } from "./scope-of.ts";

const site = (specification: string): Record<string, string> => ({
  "site.yml": "- hosts: all\n  roles: [app]\n",
  "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
  "roles/app/meta/argument_specs.yml": specification,
});

const SPECIFICATION = `argument_specs:
  main:
    mutually_exclusive: [[socket, port]]
    required_together: [[cert, key]]
    required_one_of: [[socket, port]]
    required_if: [[state, present, [owner]], [state, linked, [owner, target], true]]
    required_by: {key: [cipher]}
    options:
      socket: {type: path}
      port: {type: int}
      cert: {type: str}
      key: {type: str, no_log: true}
      cipher: {type: str}
      state: {type: str}
      owner: {type: str}
      target: {type: str}
      limit: {type: bytes}
      rate: {type: bits}
      extra: {type: json}
      pool:
        type: dict
        mutually_exclusive: [[a, b]]
        options: {a: {type: int}, b: {type: int}}
`;

async function check(yaml: string): Promise<string[]> {
  return withPlaybook(site(SPECIFICATION), (playbook) => {
    const found = tasksOf(playbook)[0]?.role?.specification;
    if (found === undefined) throw new Error("no specification");
    return checkRoleVariables(found, scopeOf(yaml)).map(({ message }) => message);
  });
}

describe("options that belong together", () => {
  test.each([
    ["port: 1", []],
    ["port: 1\nsocket: /a", ["only one of these may be set: `socket`, `port`"]],
    ["state: absent", ["one of these must be set: `socket`, `port`"]],
    ["port: 1\ncert: x", ["`cert` needs `key` to be set too"]],
    ["port: 1\ncert: x\nkey: y", ["`key` needs `cipher` to be set too"]],
    ["port: 1\ncert: x\nkey: y\ncipher: z", []],
    ["port: 1\nstate: present", ['`state: "present"` needs `owner` to be set']],
    ["port: 1\nstate: linked", ['`state: "linked"` needs one of `owner`, `target` to be set']],
    ["port: 1\nstate: linked\ntarget: x", []],
    ["port: 1\npool: {a: 1, b: 2}", ["in the variable `pool`, only one of these may be set: `a`, `b`"]],
  ])("%j", async (yaml, expected) => {
    expect(await check(yaml)).toEqual(expected);
  });

  test.each([
    ["limit: 64K\nrate: 1Mb\nextra: '{\"a\": 1}'", 0],
    ["limit: 64\nextra: {a: 1}", 0],
    ["limit: lots", 1],
    ["rate: fast", 1],
    ["extra: '{'", 1],
    ["key: 5", 1],
  ])("types that only roles have: %j", async (yaml, wrong) => {
    const problems = await check(`port: 1\n${yaml}`);
    expect(problems.filter((problem) => problem.includes("must be"))).toHaveLength(wrong);
    expect(problems.join("")).not.toMatch(/not 5/);
  });

  test.each([
    ["mutually_exclusive: [a, b]", "wrong-type"],
    ["required_if: [[a, 1]]", "wrong-type"],
    ["required_by: [a]", "wrong-type"],
    ["requird_by: {}", "unknown-key"],
  ])("`%s` is refused", async (line, code) => {
    const found = await findings(site(`argument_specs:\n  main:\n    ${line}\n    options: {}\n`));
    expect([...new Set(found.map((one) => one.split(" ")[1]))]).toEqual([code]);
  });
});

describe("include_role", () => {
  test("with `allow_duplicates: false` brings a role that the play has already no second time", async () => {
    const tasks = (more: string): string =>
      `- hosts: all\n  roles: [app]\n  tasks:\n    - include_role: {name: app${more}}\n`;
    const count = (more: string): Promise<number> =>
      withPlaybook(
        { ...site("argument_specs: {}\n"), "site.yml": tasks(more) },
        (playbook) => tasksOf(playbook).length,
      );
    expect(await count("")).toBe(2);
    expect(await count(", allow_duplicates: false")).toBe(1);
  });

  test("with `rolespec_validate: false` leaves the role's variables unchecked", async () => {
    const text = "- hosts: all\n  tasks:\n    - include_role: {name: app, rolespec_validate: false}\n";
    await withPlaybook({ ...site(SPECIFICATION), "site.yml": text }, (playbook) => {
      expect(tasksOf(playbook)[0]?.role?.specification).toBeUndefined();
    });
  });
});
