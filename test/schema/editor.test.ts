import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModule, moduleNames } from "../../src/modules/catalogue.ts";
import { KEYWORDS, type Place } from "../../src/playbook/keywords.ts";
import { KEYWORD_REFERENCE } from "../../src/schema/keyword-reference.ts";
import { moduleSchema } from "../../src/schema/module-schema.ts";
import { playbookSchema, tasksSchema } from "../../src/schema/playbook-schema.ts";
import { roleSchema } from "../../src/schema/role-schema.ts";
import { inventorySchema, variablesSchema } from "../../src/schema/variables-schema.ts";
import { YamlLanguageServer } from "./yaml-language-server.ts";

let folder: string;
let server: YamlLanguageServer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-schema-"));
  const schemas: Record<string, unknown> = {
    "playbook.yml": await playbookSchema(),
    "tasks.yml": await tasksSchema("tasks"),
    "handlers.yml": await tasksSchema("handlers"),
    "argument_specs.yml": roleSchema(),
    "inventory.yml": inventorySchema(new Map()),
    "variables.yml": variablesSchema(
      new Map([
        [
          "web_port",
          {
            type: "int",
            description: "The port of the web server.",
            required: false,
            secret: false,
            together: [],
            at: { file: "", line: 1, column: 1 },
          },
        ],
      ]),
    ),
  };
  const files: Record<string, string> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const file = path.join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify(schema));
    files[file] = name;
  }
  server = await YamlLanguageServer.start(files);
});

afterAll(async () => {
  server.stop();
  await rm(folder, { recursive: true });
});

const messages = async (name: string, text: string): Promise<string[]> =>
  (await server.diagnostics(name, text)).map(({ message, range }) => `${range.start.line + 1}: ${message}`);

const underCursor = (name: string): string => `${name.slice(0, 1)}|${name.slice(1)}`;

/** Without what keeps Markdown from taking signs for its own. */
const asWritten = (markdown: string): string => markdown.replaceAll("\\", "").replaceAll("&emsp;", " ");

describe("an editor with the YAML language server", () => {
  test.each([
    ["playbook.yml", "playbooks/pgbouncer.yml"],
    ["tasks.yml", "roles/pgbouncer/tasks/main.yml"],
    ["tasks.yml", "roles/postgresql/tasks/main.yml"],
    ["tasks.yml", "roles/tls/tasks/main.yml"],
    ["handlers.yml", "roles/pgbouncer/handlers/main.yml"],
    ["argument_specs.yml", "roles/pgbouncer/meta/argument_specs.yml"],
    ["inventory.yml", "inventory/example/hosts.yml"],
    ["variables.yml", "inventory/example/group_vars/all.yml"],
  ])("with the schema for %s finds nothing wrong in %s", async (name, file) => {
    expect(await messages(name, await readFile(file, "utf8"))).toEqual([]);
  });

  test.each<[string, string, string, RegExp]>([
    [
      "a misspelt keyword of a play",
      "playbook.yml",
      "- hosts: all\n  becom: true\n",
      /^2: Property becom is not allowed/,
    ],
    ["a play without hosts", "playbook.yml", "- name: Web\n  tasks: []\n", /^1: Missing property "hosts"/],
    [
      "a module that there is not",
      "tasks.yml",
      "- name: x\n  pakage: {name: a}\n",
      /^2: Property pakage is not allowed/,
    ],
    [
      "a parameter that a module does not have",
      "tasks.yml",
      "- package:\n    nme: nginx\n",
      /^2: (Property nme is not allowed|Missing property "name")/,
    ],
    [
      "a value that a parameter does not take",
      "tasks.yml",
      "- package:\n    name: nginx\n    state: presnt\n",
      /^3: Value is not accepted/,
    ],
    [
      "a type that a keyword does not take",
      "tasks.yml",
      "- command: id\n  register: [a]\n",
      /^2: Incorrect type/,
    ],
    [
      "a misspelt keyword in a block",
      "tasks.yml",
      "- block: []\n  resque: []\n",
      /^2: Property resque is not allowed/,
    ],
    [
      "a misspelt keyword of a block inside of a play",
      "playbook.yml",
      "- hosts: all\n  tasks:\n    - block:\n        - comand: id\n",
      /^4: Property comand is not allowed/,
    ],
    [
      "a key that a specification does not have",
      "argument_specs.yml",
      "argument_specs:\n  main:\n    options:\n      a: {typ: int}\n",
      /^4: Property typ is not allowed/,
    ],
    [
      "a key that a group does not have",
      "inventory.yml",
      "web:\n  host:\n    a:\n",
      /^2: Property host is not allowed/,
    ],
    ["a variable of the wrong type", "variables.yml", "web_port: eighty\n", /^1: /],
  ])("underlines %s", async (_what, name, text, wanted) => {
    expect((await messages(name, text)).join("\n")).toMatch(wanted);
  });

  test("takes templates and expressions wherever a value is", async () => {
    const text = `- name: "{{ a }}"
  package:
    name: !expr default(packages, ["a"])
    state: "{{ state }}"
  become: "{{ b }}"
  timeout: !expr limit * 2
  loop: !expr items(a)
  when:
    - defined(a)
    - b
- command: systemctl status x
- ansible.builtin.apt: name=nginx state=present
- include_tasks: "{{ ansible_facts.distribution }}.yml"
- name: Secret
  user: {name: a, password: !vault "x"}
`;
    expect(await messages("tasks.yml", text)).toEqual([]);
    const play = '- hosts: all\n  serial: "{{ n }}"\n- hosts: all\n  serial: [1, "20%", "{{ n }}"]\n';
    expect(await messages("playbook.yml", play)).toEqual([]);
    expect(await messages("playbook.yml", "- hosts: all\n  serial: few\n")).toHaveLength(1);
  });

  test.each<[string, string, string, string[]]>([
    [
      "keywords of a play",
      "playbook.yml",
      "- hosts: all\n  |",
      ["become", "gather_facts", "roles", "serial"],
    ],
    [
      "modules and keywords of a task",
      "tasks.yml",
      "- name: x\n  |",
      ["package", "copy", "when", "notify", "apt"],
    ],
    ["parameters of a module", "tasks.yml", "- package:\n    |", ["name", "state"]],
    ["values of a parameter", "tasks.yml", "- package:\n    name: a\n    state: |", ["present", "absent"]],
    ["keywords of a handler", "handlers.yml", "- name: x\n  |", ["listen", "systemd"]],
    [
      "types of an option",
      "argument_specs.yml",
      "argument_specs:\n  main:\n    options:\n      a:\n        type: |",
      ["int", "bool"],
    ],
    ["parts of a group", "inventory.yml", "web:\n  |", ["hosts", "children", "vars"]],
    ["variables of roles", "variables.yml", "|", ["web_port", "ansible_host"]],
  ])("offers %s", async (_what, name, text, wanted) => {
    expect(await server.completions(name, text)).toEqual(expect.arrayContaining(wanted));
  });

  test.each<[string, string, string, RegExp]>([
    [
      "a keyword",
      "tasks.yml",
      "- command: id\n  chan|ged_when: false\n",
      /Whether the task changed something/,
    ],
    ["a module", "tasks.yml", "- pack|age:\n    name: a\n", /[Pp]ackage/],
    ["a parameter", "tasks.yml", "- file:\n    path: /a\n    own|er: root\n", /User who owns it/],
    ["a variable of a role", "variables.yml", "web_p|ort: 80\n", /The port of the web server/],
  ])("says over %s what it is", async (_what, name, text, wanted) => {
    expect(await server.hover(name, text)).toMatch(wanted);
  });

  test("begins what it says over any keyword, module and parameter with what it does", async () => {
    const places: readonly [Place, string, string][] = [
      ["play", "- hosts: all\n", "  "],
      ["task", "- hosts: all\n  tasks:\n    - command: id\n", "      "],
      ["block", "- hosts: all\n  tasks:\n    - block: []\n", "      "],
      ["role", "- hosts: all\n  roles:\n    - role: a\n", "      "],
      ["handler", "- hosts: all\n  handlers:\n    - command: id\n", "      "],
    ];
    // A second time it would be a duplicate key, over which nothing is said.
    const there = { play: "hosts", block: "block", role: "role" } as Partial<Record<Place, string>>;
    const keywords = places.flatMap(([place, head, indent]) =>
      KEYWORDS[place]
        .filter((name) => name !== there[place])
        .flatMap((name) =>
          ["a", "[a]", "{a: b}", "5"].map((value) => ({
            file: "playbook.yml",
            text: `${head}${indent}${underCursor(name)}: ${value}\n`,
            does: KEYWORD_REFERENCE[name]?.description,
          })),
        ),
    );
    const modules = (
      await Promise.all(
        moduleNames().map(async (name) => {
          const { description, anyOf = [] } = moduleSchema(await loadModule(name));
          const parameters = Object.entries(anyOf[0]?.properties ?? {}).map(([parameter, schema]) => ({
            file: "tasks.yml",
            text: `- ${name}:\n    ${underCursor(parameter)}: a\n`,
            does: schema.description,
          }));
          return [
            { file: "tasks.yml", text: `- ${underCursor(name)}: {}\n`, does: description },
            ...parameters,
          ];
        }),
      )
    ).flat();
    // What it has for a file is there when the file has been looked at once.
    await messages("tasks.yml", "- command: id\n");
    const others: string[] = [];
    for (const { file, text, does = "described nowhere" } of [...keywords, ...modules]) {
      const said = await server.hover(file, text);
      if (!asWritten(said).startsWith(asWritten(does).split("\n")[0] ?? "")) others.push(`${text}: ${said}`);
    }
    expect(others).toEqual([]);
    expect(keywords.length + modules.length).toBeGreaterThan(1300);
  });
});
