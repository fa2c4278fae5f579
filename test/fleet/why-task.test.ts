import path from "node:path";
import { expect, test } from "vitest";
import { whyTask } from "../../src/fleet/why-task.ts";
import { whyTaskLines } from "../../src/views/why-lines.ts";
import { findings, folderWith } from "../inventory/inventory-files.ts";
import { takeTurn } from "../take-turn.ts";
import { checkOptions } from "./run-options.ts";

// This machine is the host, and a host has one lock.
await takeTurn("this-machine");

const SITE = `- name: Web servers
  hosts: web
  gather_facts: false
  tasks:
    - name: The motto
      copy: {dest: "{{ place }}/motto", content: "{{ motto }}\\n"}
      when: size > 3 and settings.mode == "on"
      tags: files
    - name: Large ones
      debug: {msg: x}
      when: size > 100
    - name: Each
      debug: {msg: "{{ item }}"}
      loop: [a, b]
      when: item == "a"
- hosts: other
  tasks:
    - name: Elsewhere
      debug: {msg: x}
`;

async function why(task: string, more: { tags?: string[] } = {}) {
  const folder = await folderWith({
    hosts:
      "[web]\nlocal1 ansible_connection=local size=5 ansible_become_password=hunter22\n[other]\nother1\n",
    "group_vars/web.yml": "settings: {mode: 'on'}\nmotto: hunter22 is the password\n",
    "site.yml": SITE,
  });
  const options = await checkOptions(
    [path.join(folder, "hosts")],
    [path.join(folder, "site.yml")],
    [`place=${folder}`],
  );
  options.secrets.add("hunter22");
  return whyTask({ ...options, tags: more.tags ?? [] }, "local1", task);
}

test("a task that would change something: its conditions with their values, and what differs on the host", async () => {
  const { tasks } = await why("The motto");
  expect(tasks).toHaveLength(1);
  const [task] = tasks;
  expect(task?.hostTakesPart).toBe(true);
  expect(
    task?.conditions.map(({ holds, names }) => [holds, names.map(({ name, value }) => [name, value])]),
  ).toEqual([
    [
      true,
      [
        ["size", 5],
        ["settings.mode", "on"],
      ],
    ],
  ]);
  expect(task?.conditions[0]?.names.map(({ at }) => at?.line)).toEqual([2, 1]);
  expect(task?.found.map(({ status }) => status)).toEqual(["would-change"]);
  expect(task?.found[0]?.differences.length).toBeGreaterThan(0);
});

test("a task that would be skipped names the condition and what is in it", async () => {
  const { tasks } = await why("Large ones");
  expect(tasks[0]?.conditions[0]).toMatchObject({ holds: false, names: [{ name: "size", value: 5 }] });
  expect(tasks[0]?.found.map(({ status }) => status)).toEqual(["skipped"]);
});

test("each item of a loop is told of", async () => {
  const { tasks } = await why("Each");
  expect(tasks[0]?.found.map(({ status, task }) => [task.item?.label, status])).toEqual([
    ["a", "ok"],
    ["b", "skipped"],
  ]);
});

test("a task of a play that the host is not in, and one that the tags leave out, are never looked at", async () => {
  const elsewhere = await why("elsewhere");
  expect(
    elsewhere.tasks.map(({ name, hostTakesPart, found }) => [name, hostTakesPart, found.length]),
  ).toEqual([["Elsewhere", false, 0]]);
  const left = await why("Large ones", { tags: ["files"] });
  expect(left.tasks.map(({ selected, found }) => [selected, found.length])).toEqual([[false, 0]]);
});

test("secrets are masked in values and differences", async () => {
  expect(whyTaskLines(await why("The motto"), (_, text) => text).join("\n")).not.toContain("hunter22");
});

test("a name that no task has is an error with the one that was meant", async () => {
  expect(await findings(() => why("The moto"))).toEqual(["invalid-option"]);
});
