import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import type { Playbook } from "../../src/playbook/playbook.ts";
import { type Files, findings, parametersOf, problemsOf, tasksOf, withPlaybook, written } from "./loading.ts";

const shop = (): Promise<Playbook> =>
  loadPlaybook(path.join(import.meta.dirname, "../cases/playbook/shop/site.yml"), { rolePaths: [] });

describe("a playbook with roles", () => {
  test("runs dependencies first, and the same role with the same parameters once", async () => {
    const names = tasksOf(await shop()).map(({ name, role }) => [role?.name, written(name)]);
    expect(names).toEqual([
      ["base", "A folder for everything"],
      // `app` depends on `base` twice: without parameters it has run already.
      ["base", "A folder for everything"],
      ["app", "Its settings"],
      ["app", "It answers"],
      // `web` depends on `app` without its parameters: that is another use.
      ["app", "Its settings"],
      ["app", "It answers"],
      ["web", "Tell the application"],
      [undefined, "Look at the front page"],
    ]);
  });

  test("hands conditions and tags of an entry to its tasks and dependencies", async () => {
    const tasks = tasksOf(await shop());
    expect(tasks[1]?.keywords.tags).toEqual(["app"]);
    expect(tasks[3]?.keywords.tags).toEqual(["app", "check"]);
    expect(tasks[3]?.keywords.when.map(({ expression }) => expression.source)).toEqual(["enabled"]);
    expect(tasks[4]?.keywords.when).toEqual([]);
  });

  test("takes inline variables for parameters and `vars` for the role's own, below what its files say", async () => {
    const [, , task] = tasksOf(await shop());
    expect([...(task?.role?.parameters.keys() ?? [])]).toEqual(["listen_port"]);
    expect(written(task?.role?.variables.get("mode")?.value)).toBe("slow");
    expect(written(task?.role?.variables.get("app_user")?.value)).toBe("app");
  });

  test("reads a folder of defaults in the order of names", async () => {
    const [, , task] = tasksOf(await shop());
    expect(written(task?.role?.defaults.get("app_port")?.value)).toBe("{{ listen_port }}");
    expect(written(task?.role?.defaults.get("listen_port")?.value)).toBe(8000);
  });

  test("brings each handler once", async () => {
    const { plays } = await shop();
    expect(plays[0]?.handlers.map(({ name, role }) => [role?.name, written(name)])).toEqual([
      ["app", "restart app"],
    ]);
  });

  test("reads the specification of the entry point", async () => {
    const [, , task] = tasksOf(await shop());
    const specification = task?.role?.specification;
    expect(specification?.description).toBe("An application");
    expect(specification?.options.get("workers")).toMatchObject({ type: "list", elements: "dict" });
    expect(specification?.options.get("password")?.secret).toBe(true);
  });
});

const role = (files: Record<string, string>, entry = "app"): Files => ({
  "site.yml": `- hosts: all\n  roles:\n    - ${entry}\n`,
  ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`roles/${name}`, text])),
});

describe("roles are refused", () => {
  test.each<[string, Files, string[]]>([
    ["one that is not there", role({}, "nope"), ["site.yml:3:7 unknown-role"]],
    [
      "a folder that is no role",
      { ...(role({}, "stuff") as object), "stuff/readme": "" },
      ["site.yml:3:7 unknown-role"],
    ],
    ["an entry without a name", role({}, "{vars: {a: 1}}"), ["site.yml:3:7 missing-key"]],
    ["an entry that is a number", role({}, "5"), ["site.yml:3:7 wrong-type"]],
    ["a name with a template", role({}, 'role: "{{ x }}"'), ["site.yml:3:13 wrong-type"]],
    [
      "a misspelt keyword",
      role({ "app/tasks/main.yml": "" }, "{role: app, tag: x}"),
      ["site.yml:3:19 unknown-key"],
    ],
    [
      "a keyword that is said differently",
      role({ "app/tasks/main.yml": "" }, "{role: app, sudo: true}"),
      ["site.yml:3:19 unknown-key"],
    ],
    [
      "a parameter that templates can't say",
      role({ "app/tasks/main.yml": "" }, "{role: app, a-b: 1}"),
      ["site.yml:3:19 wrong-type"],
    ],
    [
      "tasks that are no list",
      role({ "app/tasks/main.yml": "debug: {}\n" }),
      ["roles/app/tasks/main.yml:1:1 wrong-type"],
    ],
    [
      "defaults that are a list",
      role({ "app/defaults/main.yml": "[a]\n" }),
      ["roles/app/defaults/main.yml:1:1 wrong-type"],
    ],
    ["bad YAML", role({ "app/vars/main.yml": "a: [\n" }), ["roles/app/vars/main.yml:2:1 yaml-syntax"]],
    [
      "a dependency on itself",
      role({ "app/meta/main.yml": "dependencies: [app]\n" }),
      ["roles/app/meta/main.yml:1:16 role-cycle"],
    ],
    [
      "a circle of dependencies",
      role({
        "app/meta/main.yml": "dependencies: [db]\n",
        "db/meta/main.yml": "dependencies: [{role: app, x: 1}]\n",
      }),
      ["roles/db/meta/main.yml:1:23 role-cycle"],
    ],
    [
      "a specification with an unknown type",
      role({ "app/meta/argument_specs.yml": "argument_specs: {main: {options: {a: {type: strin}}}}\n" }),
      ["roles/app/meta/argument_specs.yml:1:45 wrong-type"],
    ],
    [
      "a specification with an unknown key",
      role({ "app/meta/argument_specs.yml": "argument_specs: {main: {options: {a: {typ: str}}}}\n" }),
      ["roles/app/meta/argument_specs.yml:1:39 unknown-key"],
    ],
  ])("%s", async (_title, files, expected) => {
    expect(await findings(files)).toEqual(expected);
  });

  test("naming the chain of a circle", async () => {
    const files = role({
      "app/meta/main.yml": "dependencies: [db]\n",
      "db/meta/main.yml": "dependencies: [cache]\n",
      "cache/meta/main.yml": "dependencies: [db]\n",
    });
    const [problem] = await problemsOf(files);
    expect(problem?.message).toContain("db -> cache -> db");
  });

  test("naming the one that was meant", async () => {
    const [problem] = await problemsOf(role({ "app/tasks/main.yml": "" }, "ap"));
    expect(problem?.hint).toBe("did you mean `app`?");
  });
});

describe("roles are found", () => {
  test.each<[string, Files]>([
    ["in roles/ beside the playbook", role({ "app/tasks/main.yml": "- debug: {msg: x}\n" })],
    [
      "beside the playbook itself",
      { "site.yml": "- hosts: all\n  roles: [app]\n", "app/tasks/main.yml": "- debug: {msg: x}\n" },
    ],
    ["under the name of a collection", role({ "app/tasks/main.yml": "- debug: {msg: x}\n" }, "acme.web.app")],
    [
      "by a path",
      {
        "site.yml": "- hosts: all\n  roles: [./elsewhere/app]\n",
        "elsewhere/app/tasks/main.yml": "- debug: {msg: x}\n",
      },
    ],
    [
      "beside the role that depends on them",
      {
        "site.yml": "- hosts: all\n  roles: [more/web]\n",
        "more/web/meta/main.yml": "dependencies: [app]\n",
        "more/app/tasks/main.yml": "- debug: {msg: x}\n",
      },
    ],
  ])("%s", async (_title, files) => {
    await withPlaybook(files, (playbook) => expect(tasksOf(playbook)).toHaveLength(1));
  });

  test("twice where they allow it", async () => {
    const files = {
      ...(role({
        "app/tasks/main.yml": "- debug: {msg: x}\n",
        "app/meta/main.yml": "allow_duplicates: yes\n",
      }) as Record<string, string>),
      "site.yml": "- hosts: all\n  roles: [app, app]\n",
    };
    await withPlaybook(files, (playbook) => expect(tasksOf(playbook)).toHaveLength(2));
  });
});

describe("import_role and include_role", () => {
  test("take other files of the role", async () => {
    const files = {
      "site.yml": `- hosts: all
  tasks:
    - import_role: {name: app, tasks_from: other.yml, vars_from: other, defaults_from: other, handlers_from: other}
`,
      "roles/app/tasks/other.yml": "- copy: {content: a, dest: /b}\n",
      "roles/app/tasks/main.yml": "- debug: {msg: not this}\n",
      "roles/app/vars/other.yml": "a: 1\n",
      "roles/app/defaults/other.yaml": "b: 1\n",
      "roles/app/handlers/other.yml": "- {name: h, command: ls}\n",
    };
    await withPlaybook(files, (playbook) => {
      const [task] = tasksOf(playbook);
      expect(parametersOf(task)).toEqual({ content: "a", dest: "/b" });
      expect([...(task?.role?.variables.keys() ?? [])]).toEqual(["a"]);
      expect([...(task?.role?.defaults.keys() ?? [])]).toEqual(["b"]);
      expect(playbook.plays[0]?.handlers).toHaveLength(1);
    });
  });

  test("let a role use another file of its own", async () => {
    const files = role({
      "app/tasks/main.yml": "- include_role: {name: app, tasks_from: part}\n",
      "app/tasks/part.yml": "- debug: {msg: x}\n",
    });
    await withPlaybook(files, (playbook) => expect(tasksOf(playbook)).toHaveLength(1));
  });

  test("show the variables of an imported role to the play, those of an included one only where it says so", async () => {
    const files = (use: string): Files => ({
      "site.yml": `- hosts: all\n  tasks:\n    - ${use}\n`,
      "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
    });
    const shown = (use: string): Promise<string[]> =>
      withPlaybook(files(use), ({ plays }) => plays[0]?.roles.map(({ name }) => name) ?? []);
    expect(await shown("import_role: {name: app}")).toEqual(["app"]);
    expect(await shown("include_role: {name: app}")).toEqual([]);
    expect(await shown("include_role: {name: app, public: true}")).toEqual(["app"]);
  });
});
