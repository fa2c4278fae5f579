import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import type { Include } from "../../src/playbook/playbook.ts";
import { type Files, findings, nodesOf, tasksOf, withPlaybook, written } from "./loading.ts";

const site = (text: string): string =>
  `- hosts: all\n  tasks:\n${text
    .trimEnd()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n")}\n`;

const one = { "one.yml": "- debug: {msg: one}\n" };

/** For each node `task NAME` or `include`. */
async function loaded(files: Files): Promise<string[]> {
  return withPlaybook(files, (playbook) =>
    nodesOf(playbook).map((node) => (node.kind === "include" ? "include" : `task ${node.module}`)),
  );
}

function onlyInclude(nodes: ReturnType<typeof nodesOf>): Include {
  const include = nodes.find((node) => node.kind === "include");
  if (include?.kind !== "include") throw new Error("no include");
  return include;
}

describe("an include is loaded with the playbook", () => {
  test.each([
    ["under a plain name", "- include_tasks: one.yml\n", ["task debug"]],
    ["given as `file`", "- include_tasks: {file: one.yml}\n", ["task debug"]],
    [
      "with a condition that its tasks leave alone",
      "- include_tasks: one.yml\n  when: ready\n",
      ["task debug"],
    ],
    [
      "in a loop whose items are written out",
      "- include_tasks: one.yml\n  loop: [a, b]\n",
      ["task debug", "task debug"],
    ],
    ["in a loop over nothing", "- include_tasks: one.yml\n  loop: []\n", []],
  ])("%s", async (_title, text, expected) => {
    expect(await loaded({ "site.yml": site(text), ...one })).toEqual(expected);
  });
});

describe("an include waits for the host", () => {
  test.each([
    ["under a name with a template", '- include_tasks: "{{ os }}.yml"\n', one],
    ["in a loop with a template", '- include_tasks: one.yml\n  loop: "{{ list }}"\n', one],
    [
      "when its tasks set what its condition asks for",
      "- include_tasks: set.yml\n  when: count < 1\n",
      { "set.yml": "- set_fact: {count: 1}\n" },
    ],
    [
      "when its tasks register what its condition asks for",
      "- include_tasks: set.yml\n  when: out.rc == 0\n",
      { "set.yml": "- block:\n    - command: ls\n      register: out\n" },
    ],
    [
      "when it includes itself on a condition",
      "- include_tasks: again.yml\n",
      { "again.yml": "- include_tasks: again.yml\n  when: more\n" },
    ],
  ])("%s", async (_title, text, files) => {
    expect((await loaded({ "site.yml": site(text), ...files }))[0]).toBe("include");
  });

  test("and is checked all the same where its name is known", async () => {
    const files = {
      "site.yml": site('- include_tasks: one.yml\n  loop: "{{ list }}"\n'),
      "one.yml": "- debgu: {}\n",
    };
    expect(await findings(files)).toEqual(["one.yml:1:3 unknown-module"]);
  });
});

describe("what an include hands down", () => {
  test("conditions, tags, variables and become reach the tasks inside", async () => {
    const text = "- include_tasks: one.yml\n  when: ready\n  tags: t\n  vars: {x: 1}\n  become: true\n";
    await withPlaybook({ "site.yml": site(text), ...one }, (playbook) => {
      const [task] = tasksOf(playbook);
      expect(task?.keywords.tags).toEqual(["t"]);
      expect(task?.keywords.when.map(({ expression }) => expression.source)).toEqual(["ready"]);
      expect(task?.keywords.includeVariables.map((layer) => [...layer.keys()])).toEqual([["x"]]);
      expect(task?.keywords.variables).toEqual([]);
      expect(written(task?.keywords.become)).toBe(true);
    });
  });

  test("`tags: always` of an include lets its own tasks be chosen by theirs", async () => {
    const text = "- include_tasks: one.yml\n  tags: [always, t]\n";
    await withPlaybook({ "site.yml": site(text), ...one }, (playbook) => {
      expect(tasksOf(playbook)[0]?.keywords.tags).toEqual(["t"]);
    });
    await withPlaybook({ "site.yml": site(text.replace("include", "import")), ...one }, (playbook) => {
      expect(tasksOf(playbook)[0]?.keywords.tags).toEqual(["always", "t"]);
    });
  });

  test("`vars` of an import are variables of its tasks", async () => {
    const text = "- import_tasks: one.yml\n  vars: {x: 1}\n";
    await withPlaybook({ "site.yml": site(text), ...one }, (playbook) => {
      const [task] = tasksOf(playbook);
      expect(task?.keywords.variables.map((layer) => [...layer.keys()])).toEqual([["x"]]);
    });
  });

  test("`apply` gives keywords to the tasks inside", async () => {
    const text = "- include_tasks: {file: one.yml, apply: {tags: [deep], become: true}}\n";
    await withPlaybook({ "site.yml": site(text), ...one }, (playbook) => {
      const [task] = tasksOf(playbook);
      expect(task?.keywords.tags).toEqual(["deep"]);
      expect(written(task?.keywords.become)).toBe(true);
    });
  });

  test("items that are written out become variables", async () => {
    const text =
      "- include_tasks: one.yml\n  loop: [a, b]\n  loop_control: {loop_var: letter, index_var: n}\n";
    await withPlaybook({ "site.yml": site(text), ...one }, (playbook) => {
      const items = tasksOf(playbook).map(({ keywords }) => {
        const [layer] = keywords.includeVariables;
        return [written(layer?.get("letter")?.value), written(layer?.get("n")?.value)];
      });
      expect(items).toEqual([
        ["a", 0],
        ["b", 1],
      ]);
    });
  });
});

describe("expanding an include for a host", () => {
  test("asks its condition once and keeps those of the blocks around", async () => {
    const text =
      '- block:\n    - include_tasks: "{{ os }}.yml"\n      when: inner\n      tags: t\n  when: outer\n';
    await withPlaybook({ "site.yml": site(text), ...one }, async (playbook) => {
      const include = onlyInclude(nodesOf(playbook));
      expect(include.task.keywords.when.map(({ expression }) => expression.source)).toEqual([
        "outer",
        "inner",
      ]);
      const { nodes } = await include.expand("one.yml");
      const [task] = nodes;
      if (task?.kind !== "task") throw new Error("no task");
      expect(task.keywords.when.map(({ expression }) => expression.source)).toEqual(["outer"]);
      expect(task.keywords.tags).toEqual(["t"]);
    });
  });

  test("gives each item tasks of its own", async () => {
    const text = '- include_tasks: one.yml\n  loop: "{{ list }}"\n';
    await withPlaybook({ "site.yml": site(text), ...one }, async (playbook) => {
      const include = onlyInclude(nodesOf(playbook));
      const ids = [];
      for (const index of [0, 1]) {
        const { nodes } = await include.expand("one.yml", { index, variables: new Map() });
        ids.push(...nodes.map((node) => (node.kind === "task" ? node.id : "")));
      }
      expect(new Set(ids).size).toBe(2);
    });
  });

  test.each([
    ["a file that is not there", "two.yml", "file-not-found"],
    ["a file that is wrong", "bad.yml", "unknown-module"],
  ])("%s is an error then", async (_title, name, code) => {
    const files = { "site.yml": site('- include_tasks: "{{ x }}"\n'), "bad.yml": "- debgu: {}\n" };
    await withPlaybook(files, async (playbook) => {
      const error: unknown = await onlyInclude(nodesOf(playbook))
        .expand(name)
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(DiagnosticsError);
      expect((error as DiagnosticsError).diagnostics.map((problem) => problem.code)).toEqual([code]);
    });
  });

  test("ends where a file includes itself for ever", async () => {
    const files = {
      "site.yml": site("- include_tasks: again.yml\n"),
      "again.yml": "- include_tasks: again.yml\n  when: more\n",
    };
    await withPlaybook(files, async (playbook) => {
      let include = onlyInclude(nodesOf(playbook));
      const dive = async (): Promise<never> => {
        for (;;) {
          const { nodes } = await include.expand("again.yml");
          const [next] = nodes;
          if (next?.kind !== "include") throw new Error("it ended");
          include = next;
        }
      };
      await expect(dive()).rejects.toMatchObject({ diagnostics: [{ code: "include-cycle" }] });
    });
  });

  test("brings the handlers of a role", async () => {
    const files = {
      "site.yml": site('- include_role: {name: "{{ r }}"}\n- command: ls\n  notify: restart\n'),
      "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
      "roles/app/handlers/main.yml": "- {name: restart, command: ls}\n",
    };
    await withPlaybook(files, async (playbook) => {
      const { nodes, handlers } = await onlyInclude(nodesOf(playbook)).expand("app");
      expect(nodes).toHaveLength(1);
      expect(handlers.map(({ name }) => written(name))).toEqual(["restart"]);
    });
  });
});

describe("imports and includes are refused", () => {
  test.each<[string, Files, string[]]>([
    [
      "a file that is not there",
      { "site.yml": site("- include_tasks: two.yml\n") },
      ["site.yml:3:22 file-not-found"],
    ],
    ["no name", { "site.yml": site("- include_tasks:\n") }, ["site.yml:3:7 missing-key"]],
    ["a number for a name", { "site.yml": site("- include_tasks: 5\n") }, ["site.yml:3:22 wrong-type"]],
    [
      "an unknown parameter",
      { "site.yml": site("- include_tasks: {file: one.yml, tasks: x}\n"), ...one },
      ["site.yml:3:38 unknown-key"],
    ],
    [
      "an import with a template",
      { "site.yml": site('- import_tasks: "{{ x }}.yml"\n') },
      ["site.yml:3:21 wrong-type"],
    ],
    [
      "an import in a loop",
      { "site.yml": site("- import_tasks: one.yml\n  loop: [1]\n"), ...one },
      ["site.yml:4:7 wrong-type"],
    ],
    [
      "register on an include",
      { "site.yml": site("- include_tasks: one.yml\n  register: x\n"), ...one },
      ["site.yml:4:7 unknown-key"],
    ],
    [
      "a file that imports itself",
      { "site.yml": site("- import_tasks: a.yml\n"), "a.yml": "- import_tasks: a.yml\n" },
      ["a.yml:1:3 include-cycle"],
    ],
    [
      "a file that includes itself on no condition",
      { "site.yml": site("- include_tasks: a.yml\n"), "a.yml": "- include_tasks: a.yml\n" },
      ["a.yml:1:3 include-cycle"],
    ],
    [
      "a circle of two",
      {
        "site.yml": site("- import_tasks: a.yml\n"),
        "a.yml": "- import_tasks: b.yml\n",
        "b.yml": "- import_tasks: a.yml\n",
      },
      ["b.yml:1:3 include-cycle"],
    ],
    [
      "a file that is no list",
      { "site.yml": site("- import_tasks: a.yml\n"), "a.yml": "debug: {}\n" },
      ["a.yml:1:1 wrong-type"],
    ],
    [
      "an include among handlers that only a host can name",
      { "site.yml": '- hosts: all\n  handlers:\n    - include_tasks: "{{ x }}"\n' },
      ["site.yml:3:7 wrong-type"],
    ],
    [
      "a role without a name",
      { "site.yml": site("- import_role: {tasks_from: x}\n") },
      ["site.yml:3:7 missing-key"],
    ],
    [
      "a role that is not there",
      { "site.yml": site("- import_role: {name: nope}\n") },
      ["site.yml:3:27 unknown-role"],
    ],
    [
      "a file of a role that is not there",
      { "site.yml": site("- import_role: {name: app, tasks_from: nope}\n"), "roles/app/tasks/main.yml": "" },
      ["site.yml:3:44 file-not-found"],
    ],
  ])("%s", async (_title, files, expected) => {
    expect(await findings(files)).toEqual(expected);
  });
});

test("a file of tasks is looked for beside the file that names it, then in the role, then beside the playbook", async () => {
  const files = {
    "site.yml": "- hosts: all\n  roles: [app]\n",
    "roles/app/tasks/main.yml": "- import_tasks: sub/a.yml\n",
    "roles/app/tasks/sub/a.yml": "- import_tasks: b.yml\n- import_tasks: c.yml\n- import_tasks: d.yml\n",
    "roles/app/tasks/sub/b.yml": "- debug: {msg: beside}\n",
    "roles/app/tasks/c.yml": "- debug: {msg: role}\n",
    "d.yml": "- debug: {msg: playbook}\n",
  };
  await withPlaybook(files, (playbook) => {
    const shown = tasksOf(playbook).map(({ parameters }) => written(parameters[0]?.value));
    expect(shown).toEqual(["beside", "role", "playbook"]);
  });
});
