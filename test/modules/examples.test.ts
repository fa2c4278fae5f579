import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadModule, moduleNames } from "../../src/modules/catalogue.ts";
import type { Module } from "../../src/modules/module.ts";
import { moduleReference } from "../../src/modules/reference.ts";
import { undoneBy } from "../../src/modules/undone-by.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";

describe.each(moduleNames())("the module %s", (name) => {
  test("has its own name, and a description of every parameter", async () => {
    const module = await loadModule(name);
    expect(module.name).toBe(name);
    const { schema } = moduleReference(module);
    const { properties = {} } = schema as { properties?: Record<string, { description?: string }> };
    for (const [parameter, { description }] of Object.entries(properties))
      expect(`${parameter}: ${description ?? ""}`).toMatch(/: .+\./);
  });

  test("has two examples at least, and each is a playbook that loads", async () => {
    const module = await loadModule(name);
    expect(module.examples.length).toBeGreaterThanOrEqual(2);
    for (const { yaml } of module.examples) await loads(yaml);
  });

  test("says on its page what undoes it: `state: absent`, and shows that, or something else that loads", async () => {
    const module = await loadModule(name);
    const undone = undoneBy(module) ?? "";
    expect(undone).not.toBe("");
    const { markdown } = moduleReference(module);
    expect(markdown).toContain(`## What undoes it\n\n${undone}.\n`);
    if (undone === "`state: absent`") expect(markdown).toMatch(/```yaml\n[^`]*state: absent/);
    for (const task of tasksIn(undone)) await loads(`- ${task}`);
  });

  test("says of each result what it is", async () => {
    const { returns = {} } = await loadModule(name);
    for (const [result, text] of Object.entries(returns)) expect(`${result}: ${text}`).toMatch(/: .+\.$/);
  });
});

async function loads(tasks: string): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-example-"));
  const file = path.join(folder, "play.yml");
  const indented = tasks.replace(/^/gm, "    ").replace(/^ +notify: .*$/gm, "");
  await writeFile(file, `- hosts: all\n  tasks:\n${indented}\n`);
  const playbook = await loadPlaybook(file, { rolePaths: [] });
  expect(playbook.plays).toHaveLength(1);
}

/** What the words in capitals may stand for; a path otherwise. */
const WORDS: Readonly<Record<string, string>> = { NAME: "example", VERSION: "v1", ID: "j0123456789abcdef" };

/** What stands in backquotes and begins with a module's name. */
const tasksIn = (text: string): string[] =>
  [...text.matchAll(/`(\w+: \{.*?\})`/g)].map(([, task = ""]) =>
    task.replace(/\b[A-Z]{2,}\b/g, (word) => WORDS[word] ?? "/example"),
  );

test("a module that says nothing of what undoes it, and has no `state: absent`, is found", async () => {
  const { file, stat } = { file: await loadModule("file"), stat: await loadModule("stat") };
  expect(undoneBy({ ...stat, name: "own" } as Module)).toBeUndefined();
  expect(undoneBy({ ...file, name: "own" } as Module)).toBe("`state: absent`");
});
