import { expect, test } from "vitest";
import { findings, tasksOf, withPlaybook } from "./loading.ts";

const repeated = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join("");

test("3000 tasks with templates and conditions are loaded", async () => {
  const tasks = repeated(
    3000,
    (index) =>
      `    - name: t${index}\n      copy: {content: "{{ x }}", dest: /srv/${index}}\n      when: x == ${index}\n`,
  );
  await withPlaybook(`- hosts: all\n  tasks:\n${tasks}`, (playbook) => {
    expect(tasksOf(playbook)).toHaveLength(3000);
  });
});

test("a role named a thousand times is loaded once", async () => {
  const files = {
    "site.yml": `- hosts: all\n  roles: [${repeated(1000, () => "app, ")}]\n`,
    "roles/app/tasks/main.yml": "- debug: {msg: x}\n",
  };
  await withPlaybook(files, (playbook) => expect(tasksOf(playbook)).toHaveLength(1));
});

test("a loop over a block with 500 items has all of its tasks", async () => {
  const text = `- hosts: all\n  tasks:\n    - block: [{debug: {msg: x}}, {debug: {msg: x}}]\n      loop: [${repeated(500, (index) => `${index}, `)}]\n`;
  await withPlaybook(text, (playbook) => {
    expect(new Set(tasksOf(playbook).map(({ id }) => id)).size).toBe(1000);
  });
});

test("blocks in blocks without end are refused, those fifty deep are not", async () => {
  const nested = (depth: number): string =>
    `- hosts: all\n  tasks:\n${repeated(depth, (index) => `${"    ".repeat(index + 1)}- block:\n`)}${"    ".repeat(depth + 1)}- debug: {msg: x}\n`;
  expect(await findings(nested(50))).toEqual([]);
  expect((await findings(nested(3000))).map((one) => one.split(" ")[1])).toEqual(["yaml-syntax"]);
});

test.each([
  ["empty plays", "[]", []],
  ["nothing at all", "", ["wrong-type"]],
  ["an empty play", "- {}", ["missing-key"]],
  ["a play of nothing", "-", ["wrong-type"]],
  ["empty lists of everything", "- {hosts: all, tasks: [], roles: [], handlers: [], pre_tasks: []}", []],
  ["keys with nothing behind them", "- {hosts: all, tasks: , roles: , vars: , serial: , tags: }", []],
  ["an empty block", "- {hosts: all, tasks: [{block: []}]}", []],
])("%s", async (_title, text, codes) => {
  expect((await findings(`${text}\n`)).map((one) => one.split(" ")[1])).toEqual(codes);
});

test("a block in a loop that includes its own file is refused", async () => {
  const files = {
    "site.yml": "- hosts: all\n  tasks:\n    - include_tasks: again.yml\n",
    "again.yml": '- block:\n    - include_tasks: again.yml\n  loop: "{{ list }}"\n',
  };
  expect((await findings(files)).map((one) => one.split(" ")[1])).toEqual(["include-cycle"]);
});
