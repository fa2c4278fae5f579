import { describe, expect, test } from "vitest";
import { KEYWORDS, type Place } from "../../src/playbook/keywords.ts";
import { ENTRY_KEYS, OPTION_KEYS } from "../../src/playbook/load-specification.ts";
import { META_ACTIONS } from "../../src/playbook/meta-task.ts";
import { type Files, problemsOf } from "./loading.ts";
import { expectProper, expectTaken, kindsFor, type Takes } from "./wrong-values.ts";

const ROLE: Readonly<Record<string, string>> = {
  "one.yml": "- debug: {msg: x}\n",
  "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
  "roles/app/tasks/other.yml": "- debug: {msg: x}\n",
};
const asTask = (entry: string): Files => ({
  ...ROLE,
  "site.yml": `- hosts: all\n  tasks:\n    - ${entry}\n`,
});
const withRole = (file: string, text: string): Files => ({
  ...ROLE,
  "site.yml": "- hosts: all\n  roles: [app]\n",
  [`roles/app/${file}`]: text,
});

const NAMED = "number fraction negative text template nothing";
const FLAG = "boolean template nothing";
const CONDITION = "text boolean empty-list";
const TASKS = "nothing empty-list";
const ANYTHING =
  "number fraction negative text boolean list list-of-mappings mapping nothing empty-text empty-list empty-mapping template nul";

/** What each keyword takes, wherever it stands; "nothing" is a key with nothing behind it, which says nothing. */
const TAKES: Takes = {
  "any_errors_fatal become check_mode delegate_facts diff force_handlers gather_facts": FLAG,
  "ignore_errors ignore_unreachable no_log run_once": FLAG,
  "become_user delegate_to remote_user user": NAMED,
  become_exe: "text template nothing",
  become_flags: "empty-text template nothing",
  "become_method poll": "nothing",
  connection: "template nothing",
  "order strategy": "template nothing",
  port: "number template nothing",
  name: `${NAMED} empty-text nul`,
  collections: "text template nothing empty-text empty-list nul",
  vars_files: "text template nothing empty-list",
  hosts: "text template nul",
  environment: "mapping list-of-mappings template nothing empty-list empty-mapping",
  module_defaults: "nothing empty-list empty-mapping",
  tags: "number fraction negative text list nothing empty-text empty-list nul",
  listen: "number fraction negative text list nothing empty-text empty-list nul",
  "throttle retries": "number template nothing",
  "timeout gather_timeout max_fail_percentage async delay": "number fraction template nothing",
  vars: "mapping nothing empty-mapping",
  "handlers tasks pre_tasks post_tasks roles vars_prompt block rescue always": TASKS,
  gather_subset: "template nothing empty-list",
  serial: "number list template nothing empty-list",
  when: CONDITION,
  "changed_when failed_when until": CONDITION,
  loop: "list list-of-mappings template empty-list",
  loop_control: "nothing",
  notify: "template nothing empty-list",
  transaction: "boolean nothing",
  args: "nothing empty-mapping",
  register: "text",
  "action local_action role": "",
};

/** Where a keyword stands in a playbook that is good without it. */
const PLACES: Readonly<Record<Place, (entry: string) => Files>> = {
  play: (entry) => (entry.startsWith("hosts:") ? `- tasks: []\n  ${entry}\n` : `- hosts: all\n  ${entry}\n`),
  role: (entry) => ({
    ...ROLE,
    "site.yml": `- hosts: all\n  roles:\n    - ${entry.startsWith("role:") ? "" : "role: app\n      "}${entry}\n`,
  }),
  block: (entry) =>
    `- hosts: all\n  tasks:\n    - ${entry.startsWith("block:") ? "" : "block: [{debug: {msg: x}}]\n      "}${entry}\n`,
  task: (entry) =>
    `- hosts: all\n  tasks:\n    - ${/^(local_)?action:/.test(entry) ? "" : "command: ls\n      "}${entry}\n`,
  handler: (entry) =>
    `- hosts: all\n  handlers:\n    - ${/^(local_)?action:/.test(entry) ? "" : "command: ls\n      "}${entry}\n`,
  include: (entry) => ({
    ...ROLE,
    "site.yml": `- hosts: all\n  tasks:\n    - include_tasks: one.yml\n      ${entry}\n`,
  }),
};

/** What is another thing inside of a play than on it. */
const INSIDE: Takes = { "connection port remote_user": "nothing" };

const CASES = (Object.keys(KEYWORDS) as Place[]).flatMap((place) =>
  KEYWORDS[place].map((keyword) => ({ place, keyword, title: `${keyword} of a ${place}` })),
);

describe("every keyword, wherever it may stand", () => {
  test.each(CASES)("takes what it takes, and nothing else: $title", async ({ place, keyword }) => {
    const isOther = place !== "play" && Object.keys(INSIDE)[0]?.split(" ").includes(keyword) === true;
    const takes = kindsFor(isOther ? INSIDE : TAKES, keyword);
    await expectTaken(takes, (value) => PLACES[place](`${keyword}: ${value}`), `${keyword}:`);
  });

  test.each(CASES.filter(({ keyword }) => !["hosts", "block", "role", "action"].includes(keyword)))(
    "misspelt: $title",
    async ({ place, keyword }) => {
      const misspelt = `${keyword.slice(0, 2)}${keyword.slice(1)}`;
      const [problem] = await problemsOf(PLACES[place](`${misspelt}: x`));
      expectProper(problem, misspelt);
      expect(["unknown-key", "unknown-module", "several-modules"]).toContain(problem?.code);
      expect(problem?.hint).toContain(`\`${keyword}\``);
    },
  );
});

const text = (...more: string[]): string => ["text", "number", "fraction", "negative", ...more].join(" ");

/** Keys inside of keywords: how a file with one looks, and what each takes. */
const INNER: readonly [what: string, file: (entry: string, key: string) => Files, takes: Takes][] = [
  [
    "loop_control",
    (entry) => asTask(`command: ls\n      loop: [1]\n      loop_control:\n        ${entry}`),
    {
      break_when: CONDITION,
      "extended extended_allitems": "boolean nothing",
      "index_var loop_var": "text",
      label: ANYTHING,
      pause: "number fraction nothing",
    },
  ],
  [
    "a prompt",
    (entry, key) =>
      `- hosts: all\n  vars_prompt:\n    - ${key === "name" ? "" : "name: a\n      "}${entry}\n`,
    {
      name: "text",
      prompt: text("template", "nothing", "empty-text", "nul"),
      default: text("boolean", "nothing", "empty-text", "nul"),
      "private confirm unsafe": "boolean nothing",
      encrypt: "nothing",
      salt: "text number fraction nothing",
      salt_size: "number nothing",
    },
  ],
  [
    "include_tasks",
    (entry, key) =>
      asTask(`include_tasks:\n        ${key === "file" ? "" : "file: one.yml\n        "}${entry}`),
    { file: "template", apply: "nothing empty-mapping" },
  ],
  [
    "import_tasks",
    (entry, key) =>
      asTask(`import_tasks:\n        ${key === "file" ? "" : "file: one.yml\n        "}${entry}`),
    { file: "", apply: "nothing empty-mapping" },
  ],
  ...(["include_role", "import_role"] as const).map((word): (typeof INNER)[number] => [
    word,
    (entry, key) => asTask(`${word}:\n        ${key === "name" ? "" : "name: app\n        "}${entry}`),
    {
      name: word === "include_role" ? "template" : "",
      "tasks_from vars_from defaults_from handlers_from": "nothing",
      apply: "nothing empty-mapping",
      "allow_duplicates public rolespec_validate": "boolean nothing",
    },
  ]),
  [
    "apply",
    (entry) => asTask(`include_tasks:\n        file: one.yml\n        apply:\n          ${entry}`),
    { become: FLAG, tags: TAKES["tags"] ?? "", when: CONDITION, vars: "mapping nothing empty-mapping" },
  ],
  [
    "include_vars",
    (entry, key) =>
      asTask(`include_vars:\n        ${/^(file|dir)$/.test(key) ? "" : "dir: x\n        "}${entry}`),
    {
      "file dir": "text template nul",
      name: "text template",
      depth: "number template",
      files_matching: "text template empty-text nul",
      "ignore_files extensions": "template empty-list",
    },
  ],
  [
    "set_fact",
    (entry, key) => asTask(`set_fact:\n        ${key === "cacheable" ? "b: 1\n        " : ""}${entry}`),
    { a: ANYTHING, cacheable: "boolean template" },
  ],
  [
    "a role's specification",
    (entry) => withRole("meta/argument_specs.yml", `argument_specs:\n  main:\n    ${entry}\n`),
    {
      "short_description version_added examples": text("nothing", "empty-text", "nul"),
      "description author notes": text("list", "nothing", "empty-text", "empty-list", "template", "nul"),
      options: "nothing empty-mapping",
      "mutually_exclusive required_together required_one_of required_if": TASKS,
      required_by: "nothing empty-mapping",
      "seealso deprecated": ANYTHING,
    },
  ],
  [
    "an option of a role",
    (entry) =>
      withRole(
        "meta/argument_specs.yml",
        `argument_specs:\n  main:\n    options:\n      x:\n        ${entry}\n`,
      ),
    {
      "type elements": "nothing",
      description: text("list", "nothing", "empty-text", "empty-list", "template", "nul"),
      "required secret no_log": "boolean nothing",
      default: ANYTHING,
      choices: "list nothing empty-list",
      options: "nothing empty-mapping",
      version_added: text("nothing", "empty-text", "nul"),
      "mutually_exclusive required_together required_one_of required_if": TASKS,
      required_by: "nothing empty-mapping",
    },
  ],
  [
    "meta/argument_specs.yml",
    (entry) => withRole("meta/argument_specs.yml", `${entry}\n`),
    { argument_specs: "nothing empty-mapping" },
  ],
  [
    "argument_specs",
    (entry) => withRole("meta/argument_specs.yml", `argument_specs:\n  ${entry}\n`),
    { "main other": "nothing empty-mapping" },
  ],
  [
    "meta/main.yml",
    (entry) => withRole("meta/main.yml", `${entry}\n`),
    {
      dependencies: TASKS,
      allow_duplicates: "boolean nothing",
      galaxy_info: "mapping nothing empty-mapping",
      collections: "text template nothing empty-text empty-list nul",
      argument_specs: "nothing empty-mapping",
    },
  ],
];

const INNER_CASES = INNER.flatMap(([what, file, takes]) =>
  Object.keys(takes)
    .flatMap((keys) => keys.split(" "))
    .map((key) => ({ what, file, key, takes, title: `${key} of ${what}` })),
);

describe("every key inside of a keyword", () => {
  test("the tables have all keys of a specification", () => {
    const keysOf = (what: string): string[] =>
      INNER_CASES.filter((one) => one.what === what)
        .map(({ key }) => key)
        .sort();
    expect(keysOf("a role's specification")).toEqual([...ENTRY_KEYS].sort());
    expect(keysOf("an option of a role")).toEqual([...OPTION_KEYS].sort());
  });

  test.each(INNER_CASES)("takes what it takes, and nothing else: $title", async ({ file, key, takes }) => {
    await expectTaken(kindsFor(takes, key), (value) => file(`${key}: ${value}`, key), `${key}:`);
  });

  test.each(INNER_CASES.filter(({ key, what }) => key.length > 1 && what !== "set_fact"))(
    "misspelt: $title",
    async ({ file, key }) => {
      const misspelt = key.length === 3 ? `${key}${key.at(-1)}` : `${key.slice(0, 2)}${key.slice(1)}`;
      const problems = await problemsOf(file(`${misspelt}: `, misspelt));
      const problem = problems.find(({ message }) => message.includes(misspelt));
      expectProper(problem, JSON.stringify(problems));
      expect(`${problem?.hint} ${problem?.expected}`).toContain(key);
    },
  );
});

/** What stands behind the name of a pseudo-module alone. */
const ALONE: Takes = {
  "import_tasks import_role import_playbook meta": "",
  "include_tasks include_role": "template",
  include_vars: "text template nul",
};

describe("what stands behind an import, an include, `meta` and `set_fact` alone", () => {
  test.each(Object.keys(ALONE).flatMap((keys) => keys.split(" ")))("%s", async (word) => {
    await expectTaken(kindsFor(ALONE, word), (value) => asTask(`${word}: ${value}`), `${word}:`);
  });

  test("import_playbook among the plays", async () => {
    await expectTaken([], (value) => `- import_playbook: ${value}\n`, "import_playbook:");
  });

  test.each(META_ACTIONS)("meta: %s, misspelt, gets a hint", async (action) => {
    const [problem] = await problemsOf(asTask(`meta: ${action.slice(0, 2)}${action.slice(1)}`));
    expectProper(problem, action);
    expect(problem?.hint).toContain(`\`${action}\``);
  });

  test.each([
    ["become_method", "sduo", "sudo"],
    ["connection", "locl", "local"],
    ["order", "srted", "sorted"],
    ["strategy", "liner", "linear"],
    ["gather_subset", "netwrok", "network"],
  ])("%s: %s of a play gets a hint", async (keyword, word, meant) => {
    const [problem] = await problemsOf(`- hosts: all\n  ${keyword}: ${word}\n`);
    expectProper(problem, word);
    expect(problem?.hint).toContain(`\`${meant}\``);
  });
});
