import path from "node:path";
import { expect, test } from "vitest";
import type { Inventory } from "../../src/inventory/inventory.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { findings, folderWith } from "./inventory-files.ts";

/** Reads what a program prints that has these variables of the host web1. */
async function printed(
  variables: Record<string, unknown>,
  host = "web1",
): Promise<{ load: () => Promise<Inventory> }> {
  const answer = { all: { hosts: [host] }, _meta: { hostvars: { web1: variables } } };
  const folder = await folderWith({ cloud: `#!/bin/sh\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n` });
  return { load: () => loadInventory([path.join(folder, "cloud")]) };
}

test.each([
  "{{ pipe 'touch owned' }}",
  "a {{{ pipe 'touch owned' }}} b",
  "{{#if (pipe 'touch owned')}}x{{/if}}",
  "{{#if a}}{{#each (split (pipe 'touch owned') ',')}}x{{/each}}{{/if}}",
  "{{ join (split (read_file '/etc/passwd') ':') separator=(env 'HOME') }}",
  "{{ read_file '/etc/passwd' }}",
  "{{ read_template 'x.hbs' }}",
  "{{ env 'HOME' }}",
  "{{ fileglob '/root/*' }}",
  "{{ file_exists '/root/.ssh/id_rsa' }}",
  "{{ password_file 'owned' }}",
])(
  "what an inventory program prints runs nothing on the controller and reads no file of it: %s",
  async (text) => {
    // What is refused when it is compiled is evaluated nowhere.
    const { load } = await printed({ a: 1, said: { deep: [text] } });
    await expect(load()).rejects.toThrow("reaches what is on this machine");
  },
);

test("it may read variables, with functions that reach nothing", async () => {
  const inventory = await (await printed({ a: "b", said: "{{ upper a }} {{ a }}" })).load();
  expect(inventory.hosts.get("web1")?.variables.get("said")?.value).toMatchObject({ kind: "text" });
});

test("a host that is called as something that every object has is one without variables", async () => {
  const { load } = await printed({ a: 1 }, "constructor");
  expect(await findings(load)).toEqual([]);
});
