import { describe, expect, test } from "vitest";
import { type Files, problemsOf, withPlaybook, written } from "./loading.ts";

const inTask = (entry: string): string => `- hosts: all\n  tasks:\n    - command: ls\n      ${entry}\n`;
const asTask = (entry: string): Files => ({
  "site.yml": `- hosts: all\n  tasks:\n    - ${entry}\n`,
  "one.yml": "- debug: {msg: x}\n",
  "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
});

describe("inside of keywords", () => {
  test.each<[string, Files, string, string | undefined]>([
    [
      "loop_control: a misspelt key",
      inTask("loop: [1]\n      loop_control: {lable: x}"),
      "unknown-key",
      "label",
    ],
    ["loop_control without a loop", inTask("loop_control: {label: x}"), "missing-key", "loop"],
    [
      "loop_control: a variable that is none",
      inTask("loop: [1]\n      loop_control: {loop_var: a-b}"),
      "wrong-type",
      undefined,
    ],
    [
      "loop_control: pause of words",
      inTask("loop: [1]\n      loop_control: {pause: long}"),
      "wrong-type",
      undefined,
    ],
    [
      "loop_control: extended of words",
      inTask("loop: [1]\n      loop_control: {extended: perhaps}"),
      "wrong-type",
      undefined,
    ],
    ["meta: a misspelt action", asTask("meta: flush_handler"), "invalid-parameter", "flush_handlers"],
    ["meta: nothing", asTask("meta:"), "invalid-parameter", undefined],
    ["meta: a list", asTask("meta: [noop]"), "invalid-parameter", undefined],
    ["import_tasks: a misspelt file", asTask("import_tasks: oen.yml"), "file-not-found", "one.yml"],
    ["import_tasks: nothing", asTask("import_tasks:"), "missing-key", undefined],
    ["import_tasks: a list", asTask("import_tasks: [one.yml]"), "wrong-type", undefined],
    ["import_tasks: an unknown key", asTask("import_tasks: {flie: one.yml}"), "unknown-key", "file"],
    ["include_tasks: nothing", asTask("include_tasks:"), "missing-key", undefined],
    [
      "include_tasks: an unknown key",
      asTask("include_tasks: {file: one.yml, aply: {}}"),
      "unknown-key",
      "apply",
    ],
    ["include_role: a misspelt name", asTask("include_role: {name: ap}"), "unknown-role", "app"],
    ["include_role: no name", asTask("include_role: {tasks_from: main}"), "missing-key", "name"],
    [
      "include_role: a misspelt key",
      asTask("include_role: {name: app, task_from: main}"),
      "unknown-key",
      "tasks_from",
    ],
    ["import_role: a list", asTask("import_role: [app]"), "wrong-type", undefined],
    ["include_vars: nothing", asTask("include_vars:"), "invalid-parameter", undefined],
    ["import_playbook: nothing", "- import_playbook:\n", "wrong-type", undefined],
    [
      "import_playbook: a misspelt file",
      { "site.yml": "- import_playbook: oter.yml\n", "other.yml": "[]\n" },
      "file-not-found",
      "other.yml",
    ],
    ["import_playbook: a list", "- import_playbook: [a.yml]\n", "wrong-type", undefined],
    [
      "vars_prompt: a misspelt key",
      "- hosts: all\n  vars_prompt: [{name: a, promt: x}]\n",
      "unknown-key",
      "prompt",
    ],
    ["roles: a mapping", "- hosts: all\n  roles: {app: x}\n", "wrong-type", undefined],
    [
      "roles: a misspelt role",
      { "site.yml": "- hosts: all\n  roles: [ap]\n", "roles/app/tasks/main.yml": "[]\n" },
      "unknown-role",
      "app",
    ],
    ["until without anything", inTask("until: ''"), "expression-syntax", undefined],
    ["async of words", inTask("async: soon"), "wrong-type", undefined],
    ["when: a mapping in a list", inTask("when: [{a: b}]"), "wrong-type", undefined],
  ])("%s", async (_title, files, code, said) => {
    const problems = await problemsOf(files);
    const problem = problems.find((one) => one.code === code);
    expect(problem, JSON.stringify(problems)).toBeDefined();
    expect(problem?.at?.line).toBeGreaterThan(0);
    if (said !== undefined)
      expect(`${problem?.message} ${problem?.hint} ${problem?.expected}`).toContain(said);
  });
});

describe("what refers to itself", () => {
  test.each<[string, Files, string]>([
    [
      "a file of tasks that imports itself",
      { "site.yml": "- hosts: all\n  tasks: [{import_tasks: a.yml}]\n", "a.yml": "- import_tasks: a.yml\n" },
      "include-cycle",
    ],
    [
      "two files that include each other",
      {
        "site.yml": "- hosts: all\n  tasks: [{include_tasks: a.yml}]\n",
        "a.yml": "- include_tasks: b.yml\n",
        "b.yml": "- include_tasks: a.yml\n",
      },
      "include-cycle",
    ],
    ["a playbook that imports itself", { "site.yml": "- import_playbook: site.yml\n" }, "include-cycle"],
    [
      "a role that depends on itself by another one",
      {
        "site.yml": "- hosts: all\n  roles: [a]\n",
        "roles/a/meta/main.yml": "dependencies: [b]\n",
        "roles/b/meta/main.yml": "dependencies: [a]\n",
      },
      "role-cycle",
    ],
    [
      "a role that includes itself",
      {
        "site.yml": "- hosts: all\n  roles: [a]\n",
        "roles/a/tasks/main.yml": "- include_role: {name: a}\n",
      },
      "include-cycle",
    ],
  ])("%s", async (_title, files, code) => {
    expect((await problemsOf(files)).map((problem) => problem.code)).toEqual([code]);
  });
});

describe("what is enormous", () => {
  const repeated = (count: number, item: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => item(index)).join("");

  test("10,000 tasks are loaded, and what is wrong in each of them is told", async () => {
    const tasks = (module: string): string =>
      `- hosts: all\n  tasks:\n${repeated(10_000, (index) => `    - ${module}: {content: "{{ x }}", dest: /srv/${index}}\n`)}`;
    expect(await problemsOf(tasks("copy"))).toEqual([]);
    expect(await problemsOf(tasks("coppy"))).toHaveLength(10_000);
  });

  test.each([
    [
      "blocks",
      `- hosts: all\n  tasks:\n${repeated(700, (level) => `${"    ".repeat(level + 1)}- block:\n`)}`,
    ],
    ["mappings", `- hosts: all\n  vars: {a: ${"{b: ".repeat(1500)}1${"}".repeat(1500)}}\n`],
    ["lists", `- hosts: all\n  vars: {a: ${"[".repeat(5000)}${"]".repeat(5000)}}\n`],
  ])("%s in each other, hundreds of levels deep, are refused with what to do", async (_title, text) => {
    const [problem] = await problemsOf(text);
    expect(problem).toMatchObject({ code: "yaml-syntax", at: { line: expect.any(Number) } });
    expect(problem?.message).toContain("nested too deeply");
    expect(problem?.hint).toContain("import_tasks");
  });

  test.each([
    ["an expression", "when", `${"(".repeat(600)}true${")".repeat(600)}`, "expression-syntax"],
    ["a name of a megabyte", "notify", "x".repeat(1_000_000), "unknown-handler"],
    ["a misspelt keyword of a megabyte", "w".repeat(1000), "x", "unknown-key"],
  ])("%s is a finding like any other", async (_title, keyword, value, code) => {
    const [problem] = await problemsOf(inTask(`${keyword}: ${value}`));
    expect(problem).toMatchObject({ code, at: { line: 4 } });
  });
});

test.each(["action: {msg: x}", "local_action: {}", 'action: ""', "action: [debug]"])(
  "%s names no module, and says so",
  async (entry) => {
    const problems = await problemsOf(`- hosts: all\n  tasks:\n    - ${entry}\n`);
    expect(problems.map(({ code, at }) => `${code}:${at?.line}`)).toEqual(["missing-key:3"]);
  },
);

describe("tags of YAML", () => {
  const play = (value: string): string => `- hosts: all\n  vars:\n    a: ${value}\n`;

  test.each([
    ["!vualt x", "yaml-syntax", /did you mean `!vault`/],
    ["!exrp x", "yaml-syntax", /did you mean `!expr`/],
    ["!python x", "yaml-syntax", /no tag `!python`/],
    ["!!python/object:os.system x", "yaml-syntax", /no tag/],
    ["!!int x", "yaml-syntax", /`!!int` can't be said of this value/],
    ["!vault [1]", "yaml-syntax", /must stand in front of text/],
    ["!vault {a: 1}", "yaml-syntax", /must stand in front of text/],
    ["!expr [1]", "yaml-syntax", /must stand in front of text/],
    ["!expr {a: 1}", "yaml-syntax", /must stand in front of text/],
    ["!expr ''", "expression-syntax", /empty/],
    ["!vault 7", "vault-damaged", /does not start with/],
    ["!vault ''", "vault-damaged", /does not start with/],
    ["{<<: 7}", "yaml-syntax", /`<<` takes a mapping/],
    ["{<<: [7]}", "yaml-syntax", /`<<` takes a mapping/],
  ])("%s is refused where it stands", async (value, code, said) => {
    const [problem] = await problemsOf(play(value));
    expect(problem).toMatchObject({ code, at: { file: "site.yml", line: 3 } });
    expect(problem?.at?.column).toBeGreaterThanOrEqual(8);
    expect(`${problem?.message} ${problem?.hint}`).toMatch(said);
  });

  test.each(["!!str 7", "!!binary aGk=", "!!set {a, b}", "!!map {a: 1}", "! x", "!unsafe '{{ x | y }}'"])(
    "%s is right",
    async (value) => {
      expect(await problemsOf(play(value))).toEqual([]);
    },
  );

  test("!unsafe in front of a list or a mapping is for every text in it, as in Ansible", async () => {
    const text = play('!unsafe {b: ["{{ x | y }}", {c: "{{ z }}"}]}');
    await withPlaybook(text, ({ plays }) => {
      expect(written(plays[0]?.variables.get("a")?.value)).toEqual({ b: ["{{ x | y }}", { c: "{{ z }}" }] });
      expect(JSON.stringify(plays[0]?.variables.get("a")?.value)).not.toContain('"template"');
    });
  });
});

describe("module_defaults", () => {
  const play = (defaults: string): string =>
    `- hosts: all\n  module_defaults:\n    ${defaults}\n  tasks:\n    - debug: {msg: x}\n`;

  test.each([
    ["a misspelt module", "coppy: {mode: '0644'}", "3:5 unknown-module", "`copy`"],
    [
      "a misspelt parameter of a module that no task uses",
      "copy: {mdoe: '0644'}",
      "3:12 unknown-parameter",
      "`mode`",
    ],
    ["a parameter of the wrong type", "copy: {force: 7}", "3:19 invalid-parameter", "copy"],
    ["no mapping", "copy: [1]", "3:11 wrong-type", undefined],
    [
      "a parameter that no module of a group has",
      "group/postgresql: {login_prot: 1}",
      "3:24 unknown-parameter",
      "`login_port`",
    ],
    ["a group that there is none of", "group/aws: {region: x}", "3:5 unknown-module", undefined],
  ])("with %s", async (_, defaults, place, hint) => {
    const problems = await problemsOf(play(defaults));
    expect(problems.map(({ at, code }) => `${at?.line}:${at?.column} ${code}`)).toEqual([place]);
    if (hint !== undefined) expect(problems[0]?.hint).toContain(hint);
  });

  test.each([
    "copy: {mode: '{{ x }}', owner: root}",
    "group/postgresql: {login_port: 5433}",
    "ansible.builtin.apt: {update_cache: true}",
  ])("%s is right", async (defaults) => {
    expect(await problemsOf(play(defaults))).toEqual([]);
  });
});

describe("what the specification of a role speaks of", () => {
  const specified = (text: string): Promise<unknown> =>
    problemsOf({
      "site.yml": "- hosts: all\n  roles: [app]\n",
      "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
      "roles/app/tasks/other.yml": "- debug: {msg: x}\n",
      "roles/app/meta/argument_specs.yml": text,
    });

  test.each([
    ["argument_specs:\n  mian: {}\n", 2, "`main`"],
    ["argument_specs:\n  othre: {}\n", 2, "`other`"],
    ["argument_specs:\n  other:\n    optoins: {}\n", 3, "`options`"],
    [
      "argument_specs:\n  main:\n    options: {user: {}, password: {}}\n    required_together: [[user, pasword]]\n",
      4,
      "`password`",
    ],
    ["argument_specs:\n  main:\n    options: {user: {}}\n    required_by: {usr: user}\n", 4, "`user`"],
  ])("is looked for: %j", async (text, line, hint) => {
    expect(await specified(text)).toMatchObject([
      { code: "unknown-key", at: { line }, hint: expect.stringContaining(hint) },
    ]);
  });

  test("may be all of what Ansible's documentation shows", async () => {
    const text = `argument_specs:
  main:
    short_description: An application
    description: [One, Two]
    author: [Somebody, Somebody else]
    version_added: 1.2
    seealso: [{module: command, description: x}]
    notes: [a note]
    examples: "- hosts: all"
    options:
      port: {type: int, required: true, choices: [1, 2], version_added: "1.0"}
      user: {type: dict, options: {name: {}, key: {no_log: true}}, required_together: [[name, key]]}
    required_if: [[port, 1, [user], true]]
`;
    expect(await specified(text)).toEqual([]);
  });
});
