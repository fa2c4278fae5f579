import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/fleet/run.ts";
import { checkOptions } from "../fleet/run-options.ts";
import { takeTurn } from "../take-turn.ts";
import { type Answered, askAnsible, caseFolder, writeFiles } from "./ask-ansible.ts";
import { CASES, explained, SEED } from "./seed.ts";

// This machine is the host, and a host has one lock.
await takeTurn("this-machine");

/** Where a variable may be set around what is included by a name that a run tells, and what is imported there. */
const LEVELS = [
  "play",
  "block",
  "set_fact",
  "include",
  "included block",
  "included task",
  "import",
  "imported task",
  "known include",
  "import in the included",
  "include in the imported",
  "role include",
  "role defaults",
  "role vars",
  "role task",
  "role set_fact",
  "import in the role",
  "extra",
] as const;
/** `role import` sets the last one alone, which is looked at in that role alone: in Ansible it holds in the whole play (docs/differences.md). */
const NAMES = ["v0", "v1", "v2", "v3"] as const;

type Level = (typeof LEVELS)[number];
type Case = ReadonlyMap<Level | "role import", readonly string[]>;

const generated: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...LEVELS), fc.constantFrom(...NAMES)), {
      minLength: 3,
      maxLength: 30,
    }),
    fc.boolean(),
  )
  .map(([pairs, importsRole]) => {
    const of = (level: Level): string[] => [
      ...new Set(pairs.filter(([one]) => one === level).map(([, name]) => name)),
    ];
    return new Map<Level | "role import", readonly string[]>([
      ...LEVELS.map((level) => [level, of(level)] as const),
      ["role import", importsRole ? ["v3"] : []],
    ]);
  });

function filesOf(one: Case): Record<string, string> {
  const map = (level: Level | "role import", rest: Record<string, string> = {}): string =>
    JSON.stringify({
      ...Object.fromEntries((one.get(level) ?? []).map((name) => [name, `${name} of ${level}`])),
      ...rest,
    });
  // All of them in one task: each of Ansible's is a process.
  const show = (where: string, level?: Level): string =>
    `- {name: ${where}, debug: {var: seen}${level === undefined ? "" : `, vars: ${map(level)}`}}\n`;
  const indented = (text: string, by: number): string => text.replace(/^(?=.)/gm, " ".repeat(by));
  const set = (level: Level): string =>
    (one.get(level) ?? []).length === 0 ? "" : `- set_fact: ${map(level)}\n`;
  const unset = Object.fromEntries(
    NAMES.filter((name) => !one.get("play")?.includes(name)).map((name) => [name, "unset"]),
  );
  return {
    "hosts.ini": "h1 ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n",
    "play.yml": `- hosts: all
  gather_facts: false
  vars: ${map("play", { ...unset, seen: "{{ v0 }}, {{ v1 }}, {{ v2 }}" })}
  tasks:
    - set_fact: {file: one, role: app}
${indented(set("set_fact"), 4)}    - block:
        - include_tasks: "{{ file }}.yml"
          vars: ${map("include")}
        - include_tasks: known.yml
          vars: ${map("known include")}
        - include_role: {name: "{{ role }}"}
          vars: ${map("role include")}
        - import_tasks: imported.yml
          vars: ${map("import")}
        - import_role: {name: lib}
          vars: ${map("role import")}
      vars: ${map("block")}
${indented(show("after"), 4)}`,
    "one.yml": `${show("inside")}- block:
    ${show("block")}  vars: ${map("included block")}
${show("task", "included task")}`,
    "known.yml": `- import_tasks: inner.yml
  vars: ${map("import in the included")}
`,
    "inner.yml": show("imported by the included"),
    "imported.yml": `${show("imported", "imported task")}- include_tasks: "{{ role }}.yml"
  vars: ${map("include in the imported")}
`,
    "app.yml": show("included by the imported"),
    "roles/lib/tasks/main.yml": "- {name: lib v3, debug: {var: v3}}\n",
    "roles/app/defaults/main.yml": `${map("role defaults")}\n`,
    "roles/app/vars/main.yml": `${map("role vars")}\n`,
    "roles/app/tasks/main.yml": `${show("role")}${show("role task", "role task")}${set("role set_fact")}${show("later")}- import_tasks: more.yml
  vars: ${map("import in the role")}
`,
    "roles/app/tasks/more.yml": show("imported by the role"),
  };
}

/** Ansible runs each task as a process of its own: so many cases, and a few of them at a time. */
const EXECUTED_CASES = Math.ceil(CASES / 25);
const AT_A_TIME = 10;

let place: Awaited<ReturnType<typeof caseFolder>>;
beforeAll(async () => {
  place = await caseFolder();
});
afterAll(() => place.remove());

test(
  "variables of what is included while a run is under way, and of what is imported there, have Ansible's values, inside and behind it",
  async () => {
    const cases = fc.sample(generated, { numRuns: EXECUTED_CASES, seed: SEED }).map((one, index) => {
      const extra = (one.get("extra") ?? []).map((name) => `${name}='${name} of extra'`).join(" ");
      return {
        files: filesOf(one),
        folder: path.join(place.folder, String(index)),
        extra: extra === "" ? [] : [extra],
      };
    });
    for (const { folder, files } of cases) await writeFiles(folder, files);
    const questions = cases.map(({ folder, extra }) => ({
      kind: "execution",
      folder,
      sources: [path.join(folder, "hosts.ini")],
      playbook: "play.yml",
      options: { extra_vars: extra, check: true },
    }));
    const answers: Answered<{ seen: Record<string, string[]> }>[] = [];
    for (let first = 0; first < questions.length; first += AT_A_TIME)
      answers.push(
        ...(await askAnsible<{ seen: Record<string, string[]> }>(questions.slice(first, first + AT_A_TIME))),
      );
    for (const [index, one] of cases.entries()) {
      const seen: string[] = [];
      const options = await checkOptions(
        [path.join(one.folder, "hosts.ini")],
        [path.join(one.folder, "play.yml")],
        one.extra,
      );
      await run({
        ...options,
        emit: (event) => {
          if (event.type === "task-finished" && event.task.module === "debug")
            seen.push(`${event.task.name} ${event.status} ${String(event.data?.["msg"])}`);
        },
      });
      // Ansible puts the role in front of the name.
      const theirs = answers[index]?.value?.seen["h1"]
        ?.map((line) => line.replace(/^(app|lib) : /, ""))
        .filter((line) => !line.startsWith("set_fact"));
      expect(seen, explained(one, { ours: seen, theirs: theirs ?? answers[index]?.error })).toEqual(theirs);
      expect(seen.length).toBe(12);
    }
  },
  120_000 * Math.ceil(EXECUTED_CASES / AT_A_TIME),
);
