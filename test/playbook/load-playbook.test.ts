import { describe, expect, test } from "vitest";
import { leavesOf } from "../../src/playbook/leaves.ts";
import { literalOf } from "../../src/variables/evaluate.ts";
import { type Files, findings, problemsOf, tasksOf, withPlaybook } from "./loading.ts";

const tasks = (text: string): string =>
  `- hosts: all\n  tasks:\n${text
    .split("\n")
    .map((line) => (line === "" ? "" : `    ${line}`))
    .join("\n")}`;

describe("a playbook that is no playbook", () => {
  const cases: [string, Files, string[]][] = [
    ["an empty file", "", ["site.yml:1:1 wrong-type"]],
    ["a mapping", "hosts: all\n", ["site.yml:1:1 wrong-type"]],
    ["text", "just words\n", ["site.yml:1:1 wrong-type"]],
    ["a list of words", "- all\n", ["site.yml:1:3 wrong-type"]],
    ["bad YAML", "- hosts: all\n  tasks: [\n", ["site.yml:3:1 yaml-syntax"]],
    ["a tab", "- hosts: all\n\ttasks: []\n", ["site.yml:2:2 yaml-syntax"]],
    ["a key that stands twice", "- hosts: all\n  hosts: web\n", ["site.yml:2:3 yaml-syntax"]],
    ["an alias that leads to itself", "- &a\n  hosts: all\n  vars: {x: *a}\n", ["site.yml:3:13 yaml-syntax"]],
    ["a play without hosts", "- tasks: []\n", ["site.yml:1:3 missing-key"]],
    ["a play with empty hosts", "- hosts:\n  tasks: []\n", ["site.yml:1:3 missing-key"]],
    ["a file that is not there", { "other.yml": "" }, ["?:0:0 file-not-found"]],
  ];
  test.each(cases)("%s is refused at its position", async (_title, files, expected) => {
    expect(await findings(files)).toEqual(expected);
  });
});

describe("keywords of a play", () => {
  const cases: [string, string, string[]][] = [
    ["a misspelt keyword", "becme: true", ["2:3 unknown-key"]],
    ["a task's keyword", "register: x", ["2:3 unknown-key"]],
    ["a prompt without a name", "vars_prompt: [{prompt: x}]", ["2:17 missing-key"]],
    ["serial as a word", "serial: some", ["2:11 wrong-type"]],
    ["serial below 0", "serial: -1", ["2:11 wrong-type"]],
    ["unknown facts", "gather_subset: [hardwear]", ["2:18 wrong-type"]],
    ["a percentage over 100", "max_fail_percentage: 101", ["2:24 wrong-type"]],
    ["Ansible's debugger", "strategy: debug", ["2:13 wrong-type"]],
    ["serial over 100%", "serial: [1, 150%]", ["2:11 wrong-type"]],
    ["a list within serial", "serial: [1, []]", ["2:11 wrong-type"]],
    ["an unknown order", "order: random", ["2:10 wrong-type"]],
    ["an unknown strategy", "strategy: quick", ["2:13 wrong-type"]],
    ["a negative percentage", "max_fail_percentage: -1", ["2:24 wrong-type"]],
    ["become_method runas", "become_method: runas", ["2:18 wrong-type"]],
    ["become that is neither true nor false", "become: perhaps", ["2:11 wrong-type"]],
    ["vars as a list", "vars: [a]", ["2:9 wrong-type"]],
    ["a variable that templates can't say", "vars: {a-b: 1}", ["2:10 wrong-type"]],
    ["environment as a word", "environment: HTTP_PROXY", ["2:16 wrong-type"]],
    ["module_defaults of an unknown module", "module_defaults: {coppy: {}}", ["2:21 unknown-module"]],
    ["tasks as a mapping", "tasks: {}", ["2:10 wrong-type"]],
    ["a template that is none", 'vars: {a: "{{ b | upper }}"}', ["2:13 template-syntax"]],
    ["an expression that is none", "vars: {a: !expr 1 +}", ["2:19 expression-syntax"]],
  ];
  test.each(cases)("%s is refused at its position", async (_title, line, expected) => {
    expect(await findings(`- hosts: all\n  ${line}\n`)).toEqual(expected.map((one) => `site.yml:${one}`));
  });

  test("are accepted as Ansible writes them", async () => {
    const text = `- name: "Play {{ x }}"
  hosts: web:&production
  become: "yes"
  become_user: postgres
  become_method: su
  remote_user: admin
  port: 2222
  connection: ssh
  serial: [1, "5", 25%]
  strategy: ansible.builtin.free
  order: reverse_sorted
  gather_facts: no
  max_fail_percentage: 20
  any_errors_fatal: true
  force_handlers: true
  ignore_errors: "{{ lenient }}"
  ignore_unreachable: true
  no_log: false
  check_mode: false
  diff: true
  timeout: 30
  run_once: false
  collections: [community.general]
  environment:
    - PATH: /opt/bin
    - "{{ proxy }}"
  module_defaults:
    ansible.builtin.copy: {owner: root}
  vars: {x: 1}
  vars_files: [secrets.yml, "{{ x }}.yml"]
  tags: [a, "b,c"]
`;
    await withPlaybook(text, ({ plays: [play] }) => {
      expect(play).toMatchObject({
        name: "Play {{ x }}",
        serial: [1, 5, { percent: 25 }],
        order: "reverse_sorted",
        gatherFacts: false,
        maxFailPercentage: 20,
        keywords: {
          anyErrorsFatal: { value: true },
          become: { value: true },
          becomeMethod: "su",
          checkMode: { value: false },
          diff: { value: true },
          timeout: { value: 30 },
          tags: ["a", "b", "c"],
        },
      });
      expect([...(play?.connection.keys() ?? [])].sort()).toEqual([
        "ansible_connection",
        "ansible_port",
        "ansible_user",
      ]);
      expect(play?.keywords.environment).toHaveLength(2);
      expect(play?.keywords.moduleDefaults.has("copy")).toBe(true);
      expect(play?.variableFiles).toHaveLength(2);
    });
  });
});

describe("everything that is wrong", () => {
  test("is told at once, from top to bottom", async () => {
    const text = tasks(`- copy:
    src: x
    dst: /etc/x
  when: "{{ foo }}"
- pakage: {name: x}
- debug:
    msg: "{{ foo | default('x') }}"
  notfy: x
- command: ls
  notify: restart nginx
- meta: flush_handler
`);
    expect(await findings(text)).toEqual([
      "site.yml:3:7 missing-key",
      "site.yml:5:9 unknown-parameter",
      "site.yml:6:13 expression-syntax",
      "site.yml:7:7 unknown-module",
      "site.yml:9:14 template-syntax",
      "site.yml:10:7 unknown-key",
      "site.yml:12:15 unknown-handler",
      "site.yml:13:13 invalid-parameter",
    ]);
  });

  test("of a file that is used twice is told once", async () => {
    const files = {
      "site.yml": tasks("- import_tasks: one.yml\n- import_tasks: one.yml\n"),
      "one.yml": "- debgu: {msg: x}\n",
    };
    expect(await findings(files)).toEqual(["one.yml:1:3 unknown-module"]);
  });
});

describe("import_playbook", () => {
  test("hands tags, conditions and variables down to the plays", async () => {
    const files = {
      "site.yml": "- import_playbook: sub/web.yml\n  tags: web\n  when: ready\n  vars: {x: 1}\n",
      "sub/web.yml": "- hosts: web\n  tags: [more]\n  tasks:\n    - debug: {msg: x}\n",
    };
    await withPlaybook(files, (playbook) => {
      const [task] = tasksOf(playbook);
      expect(task?.keywords.tags).toEqual(["web", "more"]);
      expect(task?.keywords.when.map(({ expression }) => expression.source)).toEqual(["ready"]);
      expect(task?.keywords.variables.map((layer) => [...layer.keys()])).toEqual([["x"]]);
    });
  });

  test("finds roles beside the imported playbook", async () => {
    const files = {
      "site.yml": "- import_playbook: sub/web.yml\n",
      "sub/web.yml": "- hosts: web\n  roles: [app]\n",
      "sub/roles/app/tasks/main.yml": "- debug: {msg: x}\n",
    };
    await withPlaybook(files, (playbook) => expect(tasksOf(playbook)).toHaveLength(1));
  });

  test.each([
    [
      "a file that is not there",
      { "site.yml": "- import_playbook: no.yml\n" },
      ["site.yml:1:20 file-not-found"],
    ],
    ["itself", { "site.yml": "- import_playbook: site.yml\n" }, ["site.yml:1:20 include-cycle"]],
    [
      "a cycle",
      { "site.yml": "- import_playbook: b.yml\n", "b.yml": "- import_playbook: site.yml\n" },
      ["b.yml:1:20 include-cycle"],
    ],
    ["among tasks", { "site.yml": tasks("- import_playbook: x.yml\n") }, ["site.yml:3:7 unknown-key"]],
    [
      "a keyword that it has not",
      { "site.yml": "- import_playbook: b.yml\n  serial: 1\n", "b.yml": "[]\n" },
      ["site.yml:2:3 unknown-key"],
    ],
  ])("refuses %s", async (_title, files, expected) => {
    expect(await findings(files)).toEqual(expected);
  });

  test("names the chain of a cycle", async () => {
    const [problem] = await problemsOf({
      "site.yml": "- import_playbook: b.yml\n",
      "b.yml": "- import_playbook: site.yml\n",
    });
    expect(problem?.message).toContain("site.yml -> b.yml -> site.yml");
  });
});

test("module_defaults of a group are for each of its modules, and a list of mappings adds up", async () => {
  const text = `- hosts: all
  module_defaults:
    - group/postgresql: {login_port: 5433}
    - {copy: {owner: root}}
    - copy: {group: staff}
  tasks:
    - postgresql_query: {query: SELECT 1}
    - postgresql_db: {name: a, login_port: 5434}
    - copy: {content: a, dest: /b}
`;
  await withPlaybook(text, ({ plays: [play] }) => {
    const tasks = leavesOf(play?.sections.flatMap(({ nodes }) => nodes) ?? []);
    const given = tasks.map((task) =>
      task.kind === "include"
        ? {}
        : Object.fromEntries(task.parameters.map(({ key, value }) => [key, literalOf(value)])),
    );
    expect(given).toEqual([
      { query: "SELECT 1", login_port: 5433 },
      { name: "a", login_port: 5434 },
      { content: "a", dest: "/b", group: "staff" },
    ]);
  });
});
