import { expect, test } from "vitest";
import { runTasks } from "../converge.ts";

const HOSTS = ["bookworm1", "trixie1"];
const into = (folder: string): string =>
  [
    `- copy: {content: x, dest: ${folder}/f}`,
    `- lineinfile: {path: ${folder}/g, line: x, create: true}`,
    `- blockinfile: {path: ${folder}/h, block: x, create: true}`,
    `- ini_file: {path: ${folder}/i, section: a, option: b, value: c}`,
  ].join("\n");

test("check mode promises no file in a directory that is not there, unless an earlier task would make it", async () => {
  const ignored = into("/srv/plumb-missing/deep").replaceAll("}", "}\n  ignore_errors: true");
  const statuses = async (tasks: string, check: boolean): Promise<string[]> =>
    (await runTasks(tasks, { hosts: HOSTS, check })).statuses.map((status) => status.split(" ")[0] ?? "");
  expect(new Set(await statuses(ignored, true))).toEqual(new Set(["ignored"]));
  expect(new Set(await statuses(ignored, false))).toEqual(new Set(["ignored"]));
  const made = `- file: {path: /srv/plumb-missing/deep, state: directory}\n${into("/srv/plumb-missing/deep")}`;
  expect(new Set(await statuses(made, true))).toEqual(new Set(["would-change"]));
  expect(new Set(await statuses(made, false))).toEqual(new Set(["changed"]));
  expect(new Set(await statuses(made, false))).toEqual(new Set(["ok"]));
  const { tasks } = await runTasks("- copy: {content: x, dest: /srv/nowhere/f}", {
    hosts: ["trixie1"],
    check: true,
  });
  expect(tasks[0]?.message).toContain("the directory /srv/nowhere does not exist");
  expect(
    (await runTasks("- file: {path: /srv/plumb-missing, state: absent}", { hosts: HOSTS })).statuses,
  ).toEqual(["changed file", "changed file"]);
});
