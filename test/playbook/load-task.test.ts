import { describe, expect, test } from "vitest";
import { canonicalModuleName } from "../../src/modules/catalogue.ts";
import { notTakenModules } from "../../src/modules/no-module.ts";
import { findings, parametersOf, problemsOf, tasksOf, withPlaybook, written } from "./loading.ts";

/** A playbook with these tasks; the first line of them is line 3, column 5. */
function playbook(text: string, rest = ""): string {
  const lines = text.trimEnd().split("\n");
  return `- hosts: all\n  tasks:\n${lines.map((line) => `    ${line}`).join("\n")}\n${rest}`;
}

async function firstTask(text: string): Promise<ReturnType<typeof tasksOf>[number]> {
  return withPlaybook(playbook(text), (loaded) => {
    const [task] = tasksOf(loaded);
    if (task === undefined) throw new Error("no task");
    return task;
  });
}

describe("the module of a task", () => {
  test.each([
    ["ansible.builtin.copy", "copy"],
    ["ansible.legacy.copy", "copy"],
    ["apt", "package"],
    ["service", "systemd"],
  ])("%s is %s", async (name, canonical) => {
    const parameters = canonical === "copy" ? "{content: a, dest: /b}" : "{name: nginx}";
    expect((await firstTask(`- ${name}: ${parameters}`)).module).toBe(canonical);
  });

  test.each([
    ["community.general.lvol", "creates: /dev/VG/LV"],
    ["pip", "virtual environment"],
    ["ansible.posix.firewalld", "`nftables`"],
    ["ansible.posix.seboolean", "SELinux"],
    ["community.docker.docker_container", "docker compose"],
    ["community.docker.docker_something", "docker compose"],
    ["ansible.windows.win_service", "POSIX shell"],
    ["community.postgresql.postgresql_privs", "`postgresql_query`"],
    ["community.general.ufwx", "did you mean `ufw`?"],
  ])("%s, which there is none of, says what to write", async (module, hint) => {
    const [problem] = await problemsOf({ "site.yml": playbook(`- ${module}: {name: x}\n`) });
    expect(problem).toMatchObject({ code: "unknown-module", at: { line: 3, column: 7 } });
    expect(problem?.hint).toContain(hint);
  });

  test("what is told of modules that there are none of is told of no module that there is, nor names one that there is not", () => {
    const { names, advice } = notTakenModules();
    expect(names.filter((name) => canonicalModuleName(name) !== undefined)).toEqual([]);
    const told = advice.flatMap((text) =>
      [...text.matchAll(/write (?:a )?`([a-z_]+)`/g)].map(([, name]) => name ?? ""),
    );
    expect(told.length).toBeGreaterThan(10);
    expect(told.filter((name) => canonicalModuleName(name) === undefined && name !== "when")).toEqual([]);
  });

  test.each([
    ["no module at all", "- name: x\n", ["3:7 unknown-module"]],
    ["an unknown one", "- coppy: {}\n", ["3:7 unknown-module"]],
    ["two", "- command: ls\n  shell: ls\n", ["4:7 several-modules"]],
    [
      "two of the same under different names",
      "- copy: {}\n  ansible.builtin.copy: {}\n",
      ["4:7 several-modules"],
    ],
    ["a task that is a word", "- reboot\n", ["3:7 wrong-type"]],
    ["a task that is a list", "- [a]\n", ["3:7 wrong-type"]],
    ["an unknown meta action", "- meta: flush\n", ["3:13 invalid-parameter"]],
    ["a meta action with parameters", "- meta: {a: 1}\n", ["3:13 invalid-parameter"]],
  ])("%s is refused", async (_title, text, expected) => {
    expect(await findings(playbook(text))).toEqual(expected.map((one) => `site.yml:${one}`));
  });

  test("that is misspelt is guessed", async () => {
    const [problem] = await problemsOf(playbook("- ansible.builtin.tempalte: {}\n"));
    expect(problem?.hint).toContain("template");
  });
});

describe("keywords of a task", () => {
  test.each([
    ["notfy: x", "4:7 unknown-key", "did you mean `notify`?"],
    ["hosts: x", "4:7 unknown-key", "it belongs to a play"],
    ["with_items: [1]", "4:7 unknown-key", "loop:"],
    ["with_something: [1]", "4:7 unknown-key", "loop:"],
    ["async: [45]", "4:14 wrong-type", undefined],
    ["poll: 5", "4:7 missing-key", "async"],
    ["throttle: 1.5", "4:17 wrong-type", undefined],
    ["environment: PATH", "4:20 wrong-type", undefined],
    ["module_defaults: {coppy: {mode: '0644'}}", "4:25 unknown-module", "copy"],
    ["module_defaults: {copy: 1}", "4:31 wrong-type", undefined],
    ["module_defaults: {group/aws: {}}", "4:25 unknown-module", "each module"],
    ["any_errors_fatal: maybe", "4:25 wrong-type", undefined],
    ["listen: x", "4:7 unknown-key", "handlers"],
    ["sudo: true", "4:7 unknown-key", "become"],
    ["remote_user: x", "4:7 unknown-key", "become_user"],
    ["connection: ssh", "4:19 wrong-type", undefined],
    ["delegate_facts: perhaps", "4:23 wrong-type", undefined],
    ["register: a-b", "4:17 wrong-type", undefined],
    ["register:", "4:7 wrong-type", undefined],
    ["when:", "4:7 wrong-type", undefined],
    ["loop:", "4:7 wrong-type", undefined],
    ["loop: {a: 1}", "4:13 wrong-type", undefined],
    ["loop: abc", "4:13 wrong-type", undefined],
    ["loop_control: {label: x}", "4:7 missing-key", undefined],
    ["args: [a]", "4:13 wrong-type", undefined],
    ["retries: some", "4:16 wrong-type", undefined],
    ["delay: -1", "4:14 wrong-type", undefined],
    ["timeout: [1]", "4:16 wrong-type", undefined],
    ["tags: {a: 1}", "4:13 wrong-type", undefined],
    ["vars: 3", "4:13 wrong-type", undefined],
    ["check_mode: perhaps", "4:19 wrong-type", undefined],
    ['when: "{{ x }}"', "4:13 expression-syntax", "`when: x`"],
    ["when: x is defined", "4:13 expression-syntax", "defined(x)"],
    ["when: x | bool", "4:13 expression-syntax", "to_bool(x)"],
    ["when: [a, 'b =']", "4:17 expression-syntax", undefined],
    ["failed_when: {a: 1}", "4:20 wrong-type", undefined],
    ["until: 1 +", "4:14 expression-syntax", undefined],
  ])("`%s` is refused at its position", async (line, expected, hint) => {
    const problems = await problemsOf(playbook(`- command: ls\n  ${line}\n`));
    expect(problems.map(({ at, code }) => `${at?.line}:${at?.column} ${code}`)).toEqual([expected]);
    if (hint !== undefined) expect(problems[0]?.hint).toContain(hint);
  });

  test.each([
    ["- command: ls\n  async: 60\n  poll: often\n", ["5:13 wrong-type"]],
    ["- file: {path: /a, state: touch}\n  async: 60\n  poll: 0\n", ["5:13 wrong-type"]],
    ["- meta: noop\n  async: 60\n  poll: 0\n", ["5:13 wrong-type"]],
    ["- shell: ls\n  async: 60\n  poll: 0\n", []],
    ["- file: {path: /a, state: touch}\n  async: 60\n  poll: 5\n", []],
  ])("async: %j", async (text, expected) => {
    expect(await findings(playbook(text))).toEqual(expected.map((one) => `site.yml:${one}`));
  });

  test("of a loop are checked too", async () => {
    const text = "- command: ls\n  loop: [1]\n  loop_control: {lop_var: x, pause: soon, index_var: 1}\n";
    expect(await findings(playbook(text))).toEqual([
      "site.yml:5:22 unknown-key",
      "site.yml:5:41 wrong-type",
      "site.yml:5:58 wrong-type",
    ]);
  });

  test("are loaded as Ansible means them", async () => {
    const task = await firstTask(
      `- name: "Ask {{ x }}"
  command: ls
  register: out
  loop: [1, 2]
  loop_control: {loop_var: n, index_var: i, label: "{{ n }}", pause: 1.5}
  when: [a, "b > 1"]
  changed_when: false
  failed_when: out.rc > 1
  until: out.rc == 0
  retries: "{{ tries }}"
  delay: 2
  tags: x, y
  notify: [one, two]
  become: yes
  no_log: "{{ hide }}"
  ignore_errors: on
  delegate_to: "{{ other }}"
  run_once: true
  timeout: 5
  check_mode: no
  vars: {a: 1}
  environment: {A: b}
`.replace("  notify: [one, two]\n", ""),
    );
    expect(task).toMatchObject({
      module: "command",
      register: "out",
      loop: { variable: "n", indexVariable: "i", pauseMs: 1500 },
      keywords: {
        tags: ["x", "y"],
        become: { value: true },
        ignoreErrors: { value: true },
        runOnce: { value: true },
        timeout: { value: 5 },
        checkMode: { value: false },
      },
    });
    expect(written(task.name)).toBe("Ask {{ x }}");
    expect(written(task.retries)).toBe("{{ tries }}");
    expect(written(task.keywords.delegateTo)).toBe("{{ other }}");
    expect(task.keywords.when.map(({ expression }) => expression.source)).toEqual(["a", "b > 1"]);
    expect(task.changedWhen?.[0]?.expression.source).toBe("false");
  });

  test("`connection: local` and `local_action` work on the controller", async () => {
    for (const text of ["- command: ls\n  connection: local\n", "- local_action: command ls\n"]) {
      expect(written((await firstTask(text)).keywords.delegateTo)).toBe("localhost");
    }
  });
});

describe("parameters of a task", () => {
  test.each([
    ["a mapping", "- copy: {content: a, dest: /b}\n", { content: "a", dest: "/b" }],
    ["key=value text", "- copy: content='a b' dest=/b\n", { content: "a b", dest: "/b" }],
    [
      "key=value text with a template",
      '- copy: content="{{ x }}" dest=/b\n',
      { content: "{{ x }}", dest: "/b" },
    ],
    [
      "true and false in key=value text",
      "- systemd: name=nginx enabled=yes\n",
      { name: "nginx", enabled: true },
    ],
    ["numbers in key=value text", "- wait_for: port=80 host=10\n", { port: 80, host: "10" }],
    ["a mode in key=value text", "- file: path=/a mode=755\n", { path: "/a", mode: "755" }],
    ["a free form", "- command: ls -l /tmp\n", { cmd: "ls -l /tmp" }],
    [
      "a free form with a parameter in it",
      "- command: make creates=/a/b all\n",
      { cmd: "make  all", creates: "/a/b" },
    ],
    ["a free form with a quoted parameter", "- shell: x chdir='/a b'\n", { cmd: "x", chdir: "/a b" }],
    [
      "quoted text that looks like a parameter",
      "- shell: sh -c 'creates=/x'\n",
      { cmd: "sh -c 'creates=/x'" },
    ],
    [
      "a template in a free form",
      "- command: echo {{ default x 'creates=/y' }}\n",
      { cmd: "echo {{ default x 'creates=/y' }}" },
    ],
    ["args beside a free form", "- command: make\n  args: {chdir: /srv}\n", { cmd: "make", chdir: "/srv" }],
    ["action", "- action: copy content=a dest=/b\n", { content: "a", dest: "/b" }],
    ["action as a mapping", "- action: {module: copy, content: a, dest: /b}\n", { content: "a", dest: "/b" }],
    ["action with a template", "- action: command echo {{ x }}\n", { cmd: "echo {{ x }}" }],
    ["local_action", "- local_action: command ls\n", { cmd: "ls" }],
    [
      "module_defaults",
      "- copy: {content: a, dest: /b}\n  module_defaults: {copy: {owner: root, content: z}}\n",
      { content: "a", dest: "/b", owner: "root" },
    ],
    [
      "expressions",
      "- assert: {that: [a > 1, b]}\n",
      {
        that: [
          { expression: "a > 1", value: "!expr a > 1" },
          { expression: "b", value: "!expr b" },
        ],
      },
    ],
  ])("may be %s", async (_title, text, expected) => {
    expect(parametersOf(await firstTask(text))).toEqual(expected);
  });

  test.each([
    ["an unknown one", "- copy: {content: a, dst: /b}\n", ["3:7 missing-key", "3:26 unknown-parameter"]],
    ["a missing one", "- copy: {content: a}\n", ["3:7 missing-key"]],
    ["text where a mapping is needed", "- copy: from here to there\n", ["3:13 wrong-type"]],
    ["a list", "- copy: [a]\n", ["3:13 wrong-type"]],
    ["a mode as a number", "- copy: {content: a, dest: /b, mode: 0644}\n", ["3:42 invalid-parameter"]],
    ["a path that is not absolute", "- copy: {content: a, dest: b}\n", ["3:32 invalid-parameter"]],
    ["a wrong word", "- file: {path: /a, state: dir}\n", ["3:31 invalid-parameter"]],
    ["text for a number", '- wait_for: {port: "80"}\n', ["3:24 invalid-parameter"]],
    ["one given twice", "- command: make chdir=/a\n  args: {chdir: /b}\n", ["4:14 invalid-parameter"]],
    ["a rule over two", "- wait_for: {port: 1, path: /a}\n", ["3:24 invalid-parameter"]],
    ["a wrong expression", "- assert: {that: [a >, b]}\n", ["3:23 expression-syntax"]],
    ["braces in an expression", '- assert: {that: "{{ a }}"}\n', ["3:22 expression-syntax"]],
    [
      "a wrong default",
      "- copy: {content: a, dest: /b}\n  module_defaults: {copy: {onwer: x}}\n",
      ["4:32 unknown-parameter"],
    ],
  ])("are refused: %s", async (_title, text, expected) => {
    expect(await findings(playbook(text))).toEqual(expected.map((one) => `site.yml:${one}`));
  });

  test("with templates are checked as far as they are known", async () => {
    const text = '- wait_for: {port: "{{ p }}", sleep: often, delya: 1}\n';
    expect(await findings(playbook(text))).toEqual([
      "site.yml:3:42 invalid-parameter",
      "site.yml:3:49 unknown-parameter",
    ]);
    // A rule over several parameters has to wait: `src` belongs to `state: link`, and nobody knows the state yet.
    expect(await findings(playbook('- file: {path: /a, src: /b, state: "{{ s }}"}\n'))).toEqual([]);
  });
});

describe("handlers", () => {
  test.each([
    ["a name", "notify: restart", "- name: restart\n"],
    ["a topic", "notify: web changed", "- listen: [web changed]\n"],
    ["a name with a template", "notify: restart nginx", '- name: "restart {{ service }}"\n'],
    ["a name that only a host tells", 'notify: "{{ who }}"', "- name: x\n"],
  ])("are found by %s", async (_title, notify, handler) => {
    const text = playbook(`- command: ls\n  ${notify}\n`, `  handlers:\n    ${handler}      command: ls\n`);
    expect(await findings(text)).toEqual([]);
  });

  test("that do not exist are told, with the one that was meant", async () => {
    const text = playbook(
      "- command: ls\n  notify: [resart, other]\n",
      "  handlers:\n    - {name: restart, command: ls}\n",
    );
    const problems = await problemsOf(text);
    expect(problems.map(({ code, at, hint }) => [code, at?.column, hint])).toEqual([
      ["unknown-handler", 16, "did you mean `restart`?"],
      ["unknown-handler", 24, "its handlers: restart"],
    ]);
  });

  test("that are blocks are refused", async () => {
    const text = "- hosts: all\n  handlers:\n    - block: []\n";
    expect(await findings(text)).toEqual(["site.yml:3:7 wrong-type"]);
  });
});

describe("blocks", () => {
  test("hand down conditions, tags, variables, notifications and become", async () => {
    const text = playbook(
      `- block:
    - block:
        - command: ls
          when: c
          notify: two
      when: b
      tags: inner
      become_user: postgres
  rescue:
    - debug: {msg: x}
  when: a
  tags: outer
  notify: one
  become: true
  vars: {x: 1}
`,
      "  handlers:\n    - {name: one, command: ls}\n    - {name: two, command: ls}\n",
    );
    await withPlaybook(text, (loaded) => {
      const [task, rescue] = tasksOf(loaded);
      expect(task?.keywords.when.map(({ expression }) => expression.source)).toEqual(["a", "b", "c"]);
      expect(task?.keywords.tags).toEqual(["outer", "inner"]);
      expect(task?.notify.map(written)).toEqual(["one", "two"]);
      expect(written(task?.keywords.become)).toBe(true);
      expect(written(task?.keywords.becomeUser)).toBe("postgres");
      expect(rescue?.keywords.variables).toHaveLength(1);
    });
  });

  test.each([
    ["rescue without block", "- rescue: []\n", ["3:7 missing-key"]],
    ["a task's keyword", "- block: []\n  register: x\n", ["4:7 unknown-key"]],
    ["a list that is none", "- block: {}\n", ["3:14 wrong-type"]],
    ["a rescue that is none", "- block: []\n  rescue: 3\n", ["4:15 wrong-type"]],
  ])("are refused: %s", async (_title, text, expected) => {
    expect(await findings(playbook(text))).toEqual(expected.map((one) => `site.yml:${one}`));
  });
});

test("every task has an id of its own", async () => {
  const files = {
    "site.yml": playbook(
      "- import_tasks: a.yml\n- import_tasks: a.yml\n- include_tasks: a.yml\n  loop: [1, 2]\n",
    ),
    "a.yml": "- debug: {msg: x}\n- debug: {msg: y}\n",
  };
  await withPlaybook(files, (loaded) => {
    const ids = tasksOf(loaded).map(({ id }) => id);
    expect(ids).toHaveLength(8);
    expect(new Set(ids).size).toBe(8);
  });
});
