import { describe, expect, test } from "vitest";
import { findings, nodesOf, tasksOf, withPlaybook, written } from "./loading.ts";

const site = (loop: string, rest = ""): string => `- hosts: all
  tasks:
    - block:
        - debug: {msg: "{{ item }}"}
        - debug: {msg: second}
          tags: inner
      rescue:
        - debug: {msg: rescued}
      loop: ${loop}
      tags: outer
${rest}`;

describe("a block in a loop", () => {
  test("whose items are written out is a block for each, with ids of their own", async () => {
    await withPlaybook(site("[a, b]"), ({ plays }) => {
      const nodes = plays[0]?.sections[0]?.nodes ?? [];
      expect(nodes.map(({ kind }) => kind)).toEqual(["block", "block"]);
      const tasks = nodes.flatMap((node) => (node.kind === "block" ? node.block : []));
      const ids = tasks.map((node) => (node.kind === "task" ? node.id : ""));
      expect(new Set(ids).size).toBe(4);
      const items = tasks.map((node) =>
        node.kind === "task" ? written(node.keywords.includeVariables[0]?.get("item")?.value) : undefined,
      );
      expect(items).toEqual(["a", "a", "b", "b"]);
    });
  });

  test("whose items only the host knows waits for them, and its tasks are known all the same", async () => {
    await withPlaybook(site('"{{ list }}"'), async (playbook) => {
      const [first] = nodesOf(playbook);
      if (first?.kind !== "include") throw new Error("no include");
      expect(tasksOf(playbook).map(({ keywords }) => keywords.tags)).toEqual([
        [],
        ["outer"],
        ["outer", "inner"],
        ["outer"],
      ]);
      const { nodes } = await first.expand("", { index: 1, variables: new Map() });
      expect(nodes.map(({ kind }) => kind)).toEqual(["block"]);
    });
  });

  test.each([
    ["no list", "- block: [{debug: {}}]\n  loop: 3\n", ["4:13 wrong-type"]],
    [
      "a pause between items",
      "- block: [{debug: {}}]\n  loop: [1]\n  loop_control: {pause: 1}\n",
      ["5:21 unknown-key"],
    ],
    ["`register`", "- block: [{debug: {}}]\n  register: x\n", ["4:7 unknown-key"]],
    ["`until`", "- block: [{debug: {}}]\n  until: x\n", ["4:7 unknown-key"]],
    ["a mistake inside", '- block: [{debgu: {}}]\n  loop: "{{ x }}"\n', ["3:16 unknown-module"]],
  ])("%s is refused", async (_title, text, expected) => {
    const tasks = text.replace(/^/gm, "    ").trimEnd();
    expect(await findings(`- hosts: all\n  tasks:\n${tasks}\n`)).toEqual(
      expected.map((one) => `site.yml:${one}`),
    );
  });
});
