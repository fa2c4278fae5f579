import { expect, test } from "vitest";
import { lintFiles } from "./lint-files.ts";

test("an inventory in YAML on one line is one, and its variables and hosts count", async () => {
  const site = (name: string): string =>
    `- name: Show\n  hosts: web\n  tasks:\n    - name: It\n      debug:\n        msg: "{{ ${name} }}"\n`;
  const hosts = "{all: {children: {web: {hosts: {a: {web_port: 80}}}}}}\n";
  expect((await lintFiles({ "site.yml": site("web_port"), "inventory/hosts.yml": hosts })).places).toEqual(
    [],
  );
  expect((await lintFiles({ "site.yml": site("web_prot"), "hosts.yml": hosts })).places).toEqual([
    "site.yml:6:14 undefined-variable",
  ]);
});

test("what an assert demands is left to whoever runs the playbook, and a misspelt name of it is told", async () => {
  const text = (used: string): string =>
    `- name: Remove\n  hosts: all\n  tasks:\n    - name: Which?\n      assert:\n        that: [defined(wanted)]\n    - name: It\n      debug:\n        msg: "{{ ${used} }}"\n`;
  expect((await lintFiles({ "site.yml": text("wanted") })).places).toEqual([]);
  expect((await lintFiles({ "site.yml": text("wantd") })).places).toEqual([
    "site.yml:9:14 undefined-variable",
  ]);
});
