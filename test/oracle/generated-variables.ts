import fc from "fast-check";
import type { CaseFiles } from "./ask-ansible.ts";

/** A playbook whose variables are set on many levels; each value names its level. */
export interface GeneratedVariables {
  files: CaseFiles;
  /** What tasks would have set on h1 by then. */
  included: Readonly<Record<string, string>>;
  /** What was gathered on h1. */
  facts: Readonly<Record<string, string>>;
  set: Readonly<Record<string, string>>;
  extra: readonly string[];
  /** Set by `vars:` of an import_role: in Ansible they hold in the whole play, in Plumb in that role only (docs/differences.md). */
  importedOnly: readonly string[];
}

/** `-e` as people type it, well or badly. */
export const generatedExtra: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.constantFrom("v0", "v1", "v2"),
      fc.oneof(
        fc.constantFrom(
          "1",
          "yes",
          "''",
          '"a b"',
          "'a b'",
          "a=b",
          "{{ v9 }}",
          "x{{ v9 }}y",
          "a\\nb",
          "\\x41",
          "'it\\'s'",
          '"a\\"b"',
          "a,b",
          "[1,2]",
          "#x",
          "é",
          '"\'"',
          "a'b c'd",
        ),
        fc
          .array(fc.constantFrom("a", "1", "'", '"', " ", "\\", "n", "=", ",", "t"), {
            minLength: 1,
            maxLength: 6,
          })
          .map((all) => all.join("")),
      ),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join(" "));

/** The last one may be a fact too: those are known as `ansible_…`. */
export const NAMES = ["v0", "v1", "v2", "v3", "ansible_v4"] as const;
const FACT: (typeof NAMES)[number] = "ansible_v4";

/** Every place where Ansible lets people set a variable. */
const LEVELS = [
  "a-defaults",
  "b-defaults",
  "dep-defaults",
  "c-defaults",
  "inventory-all",
  "inventory-parent",
  "inventory-child",
  "inventory-other",
  "inventory-host",
  "inv/group_vars/all.yml",
  "inv/group_vars/parent.yml",
  "inv/group_vars/child/x.yml",
  "inv/group_vars/other",
  "inv/host_vars/h1.yaml",
  "play/group_vars/all",
  "play/group_vars/parent.yml",
  "play/group_vars/child.yml",
  "play/group_vars/other.json",
  "play/host_vars/h1.yml",
  "play-vars",
  "vars-file-1",
  "vars-file-2",
  "vars-file-3",
  "a-vars",
  "b-vars",
  "dep-vars",
  "c-vars",
  "a-entry-vars",
  "a-entry-params",
  "dep-entry-vars",
  "dep-entry-params",
  "c-import-vars",
  "block-vars",
  "inner-block-vars",
  "task-vars",
  "import-tasks-vars",
  "imported-task-vars",
  "role-block-vars",
  "role-task-vars",
  "facts",
  "include_vars",
  "set_fact",
  "extra-1",
  "extra-2",
] as const;
type Level = (typeof LEVELS)[number];

const anywhere = fc.array(fc.tuple(fc.constantFrom(...LEVELS), fc.constantFrom(...NAMES)), {
  minLength: 4,
  maxLength: 40,
});

/** Each variable on two levels that are close to each other: nothing above decides, whichever of the two wins. */
const closeTogether = fc
  .tuple(...NAMES.map(() => fc.tuple(fc.nat(LEVELS.length - 2), fc.integer({ min: 1, max: 4 }))))
  .map((places) =>
    places.flatMap(([first, distance], index) => {
      const levels = [LEVELS[first], LEVELS[Math.min(first + distance, LEVELS.length - 1)]];
      return levels.flatMap((level) => (level === undefined ? [] : [[level, NAMES[index] ?? "v0"] as const]));
    }),
  );

const definitions = fc.oneof(anywhere, closeTogether);

export const generatedVariables: fc.Arbitrary<GeneratedVariables> = fc
  .tuple(definitions, fc.boolean(), fc.constantFrom("", "ansible_group_priority=5"))
  .map(([pairs, templates, priority]) => {
    const at = (level: Level): Record<string, string> =>
      Object.fromEntries(
        pairs.filter(([one]) => one === level).map(([, name]) => [name, `${name} of ${level}`]),
      );
    const yaml = (level: Level, indent: number): string =>
      Object.entries(at(level))
        .map(([name, value]) => `${" ".repeat(indent)}${name}: ${value}\n`)
        .join("");
    const ini = (level: Level): string =>
      Object.entries(at(level))
        .map(([name, value]) => `${name}=${value}\n`)
        .join("");
    const vars = (level: Level, indent: number): string => {
      const body = yaml(level, indent + 2);
      return body === "" ? "" : `${" ".repeat(indent)}vars:\n${body}`;
    };
    const task = (name: string, indent: number, level?: Level): string =>
      `${" ".repeat(indent)}- name: ${name}\n${" ".repeat(indent)}  debug: {msg: x}\n${level === undefined ? "" : vars(level, indent + 2)}`;
    const host = Object.entries(at("inventory-host"))
      .map(([name, value]) => ` ${name}="${value}"`)
      .join("");
    const file = (level: Level): string => yaml(level, 0) || "---\n";
    const role = (name: "a" | "b" | "c" | "dep"): Record<string, string> => ({
      [`play/roles/${name}/defaults/main.yml`]: file(`${name}-defaults`),
      [`play/roles/${name}/vars/main.yml`]: file(`${name}-vars`),
      [`play/roles/${name}/tasks/main.yml`]: `${task(`role ${name}`, 0)}- block:\n${task(`role ${name} block`, 4, name === "a" ? "role-task-vars" : undefined)}${name === "a" ? vars("role-block-vars", 2) : ""}`,
    });
    // JSON is YAML too, but not the other way round.
    const json = JSON.stringify(at("play/group_vars/other.json"));
    const chosen = templates ? "{{ picked }}.yml" : "f3.yml";
    const files = {
      "inv/hosts": `[all:vars]\n${ini("inventory-all")}[parent:children]\nchild\n[parent:vars]\n${ini("inventory-parent")}[child]\nh1${host}\n[child:vars]\n${ini("inventory-child")}[other]\nh1\nh2\n[other:vars]\n${ini("inventory-other")}${priority}\n`,
      ...Object.fromEntries(
        LEVELS.filter((level) => /^(inv|play)\/.*vars\//.test(level) && !level.endsWith(".json")).map(
          (level) => [level, file(level)],
        ),
      ),
      "play/group_vars/other.json": json,
      "play/f1.yml": file("vars-file-1"),
      "play/vars/f2.yml": file("vars-file-2"),
      "play/f3.yml": file("vars-file-3"),
      ...role("a"),
      ...role("b"),
      ...role("c"),
      ...role("dep"),
      "play/roles/a/meta/main.yml": `dependencies:\n  - role: dep\n${yaml("dep-entry-params", 4)}${vars("dep-entry-vars", 4)}`,
      "play/imported.yml": task("imported", 0, "imported-task-vars"),
      "play/site.yml": [
        "- hosts: all\n  gather_facts: false\n  vars:\n    picked: f3\n",
        yaml("play-vars", 4),
        `  vars_files:\n    - f1.yml\n    - [missing.yml, f2.yml, f1.yml]\n    - "${chosen}"\n`,
        `  roles:\n    - role: a\n${yaml("a-entry-params", 6)}${vars("a-entry-vars", 6)}    - b\n`,
        "  tasks:\n",
        task("plain", 4),
        task("with vars", 4, "task-vars"),
        `    - block:\n        - block:\n${task("in blocks", 12, "task-vars")}${vars("inner-block-vars", 10)}${vars("block-vars", 6)}`,
        `    - import_tasks: imported.yml\n${vars("import-tasks-vars", 6)}`,
        `    - import_role: {name: c}\n${vars("c-import-vars", 6)}`,
      ].join(""),
    };
    return {
      files,
      included: at("include_vars"),
      facts: Object.fromEntries(Object.entries(at("facts")).filter(([name]) => name === FACT)),
      set: at("set_fact"),
      importedOnly: Object.keys(at("c-import-vars")),
      extra: [
        JSON.stringify(at("extra-1")),
        Object.entries(at("extra-2"))
          .map(([name, value]) => `${name}='${value}'`)
          .join(" "),
      ].filter((text) => text !== "" && text !== "{}"),
    };
  });
