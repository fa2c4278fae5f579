import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/fleet/run.ts";
import { checkOptions } from "../fleet/run-options.ts";
import { askAnsible, caseFolder, writeFiles } from "./ask-ansible.ts";
import { CASES, explained, SEED } from "./seed.ts";

/** Where a variable may be set around what is included by a name that a run tells. */
const LEVELS = [
  "play",
  "block",
  "set_fact",
  "include",
  "included block",
  "included task",
  "role include",
  "role defaults",
  "role vars",
  "role task",
  "role set_fact",
  "extra",
] as const;
const NAMES = ["v0", "v1", "v2"] as const;

type Case = ReadonlyMap<(typeof LEVELS)[number], readonly string[]>;

const generated: fc.Arbitrary<Case> = fc
  .array(fc.tuple(fc.constantFrom(...LEVELS), fc.constantFrom(...NAMES)), { minLength: 3, maxLength: 20 })
  .map((pairs) => {
    const of = (level: string): string[] => [
      ...new Set(pairs.filter(([one]) => one === level).map(([, name]) => name)),
    ];
    return new Map(LEVELS.map((level) => [level, of(level)]));
  });

function filesOf(one: Case): Record<string, string> {
  const map = (level: (typeof LEVELS)[number], rest: Record<string, string> = {}): string =>
    JSON.stringify({
      ...Object.fromEntries((one.get(level) ?? []).map((name) => [name, `${name} of ${level}`])),
      ...rest,
    });
  const show = (where: string): string =>
    NAMES.map((name) => `- {name: ${where} ${name}, debug: {var: ${name}}}\n`).join("");
  const indented = (text: string, by: number): string => text.replace(/^(?=.)/gm, " ".repeat(by));
  const set = (level: (typeof LEVELS)[number]): string =>
    (one.get(level) ?? []).length === 0 ? "" : `- set_fact: ${map(level)}\n`;
  return {
    "hosts.ini": "h1 ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n",
    "play.yml": `- hosts: all
  gather_facts: false
  vars: ${map("play", Object.fromEntries(NAMES.filter((name) => !one.get("play")?.includes(name)).map((name) => [name, "unset"])))}
  tasks:
    - set_fact: {file: one, role: app}
${indented(set("set_fact"), 4)}    - block:
        - include_tasks: "{{ file }}.yml"
          vars: ${map("include")}
        - include_role: {name: "{{ role }}"}
          vars: ${map("role include")}
      vars: ${map("block")}
${indented(show("after"), 4)}`,
    "one.yml": `${show("inside")}- block:\n${indented(show("block"), 4)}  vars: ${map("included block")}\n- {name: task v0, debug: {var: v0}, vars: ${map("included task")}}\n`,
    "roles/app/defaults/main.yml": `${map("role defaults")}\n`,
    "roles/app/vars/main.yml": `${map("role vars")}\n`,
    "roles/app/tasks/main.yml": `${show("role")}- {name: role task v1, debug: {var: v1}, vars: ${map("role task")}}\n${set("role set_fact")}${show("later")}`,
  };
}

/** Ansible runs each of some twenty tasks as a process of its own. */
const EXECUTED_CASES = Math.ceil(CASES / 25);

let place: Awaited<ReturnType<typeof caseFolder>>;
beforeAll(async () => {
  place = await caseFolder();
});
afterAll(() => place.remove());

test("variables of what is included while a run is under way have Ansible's values, inside and behind it", async () => {
  const cases = fc.sample(generated, { numRuns: EXECUTED_CASES, seed: SEED }).map((one, index) => {
    const extra = (one.get("extra") ?? []).map((name) => `${name}='${name} of extra'`).join(" ");
    return {
      files: filesOf(one),
      folder: path.join(place.folder, String(index)),
      extra: extra === "" ? [] : [extra],
    };
  });
  for (const { folder, files } of cases) await writeFiles(folder, files);
  const answers = await askAnsible<{ seen: Record<string, string[]> }>(
    cases.map(({ folder, extra }) => ({
      kind: "execution",
      folder,
      sources: [path.join(folder, "hosts.ini")],
      playbook: "play.yml",
      options: { extra_vars: extra, check: true },
    })),
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
      ?.map((line) => line.replace(/^app : /, ""))
      .filter((line) => !line.startsWith("set_fact"));
    expect(seen, explained(one, { ours: seen, theirs })).toEqual(theirs);
    expect(seen.length).toBeGreaterThan(12);
  }
}, 120_000);
