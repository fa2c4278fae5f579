import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadModule, moduleNames } from "../../src/modules/catalogue.ts";
import { moduleReference } from "../../src/modules/reference.ts";
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
    for (const { yaml } of module.examples) {
      const folder = await mkdtemp(path.join(tmpdir(), "plumb-example-"));
      const file = path.join(folder, "play.yml");
      const tasks = yaml.replace(/^/gm, "    ").replace(/^ +notify: .*$/gm, "");
      await writeFile(file, `- hosts: all\n  tasks:\n${tasks}\n`);
      const playbook = await loadPlaybook(file, { rolePaths: [] });
      expect(playbook.plays).toHaveLength(1);
    }
  });
});
