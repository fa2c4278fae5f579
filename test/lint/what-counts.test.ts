import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { lint } from "../../src/lint/lint.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
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

test("a group that a play can do without is missed where the inventory has one of nearly that name", async () => {
  const site = "- name: Web\n  hosts: !expr default(groups.clients, [])\n  tasks: []\n";
  const inventory = (group: string): string => `${group}:\n  hosts:\n    a:\n`;
  expect((await lintFiles({ "site.yml": site, "inventory/hosts.yml": inventory("client") })).places).toEqual([
    "site.yml:2:16 no-hosts-match",
  ]);
  for (const group of ["clients", "web"])
    expect((await lintFiles({ "site.yml": site, "inventory/hosts.yml": inventory(group) })).places).toEqual(
      [],
    );
});

test("what an assert demands is left to whoever runs the playbook, and a misspelt name of it is told", async () => {
  const text = (used: string): string =>
    `- name: Remove\n  hosts: all\n  tasks:\n    - name: Which?\n      assert:\n        that: [defined(wanted)]\n    - name: It\n      debug:\n        msg: "{{ ${used} }}"\n`;
  expect((await lintFiles({ "site.yml": text("wanted") })).places).toEqual([]);
  expect((await lintFiles({ "site.yml": text("wantd") })).places).toEqual([
    "site.yml:9:14 undefined-variable",
  ]);
});

test("a playbook that is named by itself is judged by itself: what the roles beside it use is used, and what is unused in them is not told", async () => {
  const files = {
    "site.yml":
      "- name: Web\n  hosts: all\n  vars:\n    web_port: 80\n    left_over: 1\n  tasks:\n    - import_role:\n        name: web\n        tasks_from: stop\n",
    "roles/web/tasks/main.yml":
      '- name: Start\n  debug:\n    msg: "{{ web_port }} {{ web_all }}"\n  notify: restart web\n',
    "roles/web/tasks/stop.yml": "- name: Stop\n  debug: {msg: stop}\n",
    "roles/web/handlers/main.yml": "- name: restart web\n  debug: {msg: restart}\n",
    "roles/web/vars/main.yml": "web_all: 1\nweb_unused: 1\n",
  };
  expect((await lintFiles(files, { paths: ["site.yml"] })).places).toEqual(["site.yml:5:5 unused-variable"]);
  expect((await lintFiles(files)).places).toContain("roles/web/vars/main.yml:2:1 unused-variable");
});

test("a playbook that is named by itself brings the templates of its tasks, and each is told of once", async () => {
  const render = (src: string): string =>
    `- name: Configure\n  template: {src: ${src}, dest: /etc/x, mode: "0644"}\n`;
  const files = {
    "site.yml": `- name: Web\n  hosts: all\n  roles: [web]\n  tasks:\n${render("own.hbs").replace(/^/gm, "    ").trimEnd()}\n`,
    "templates/own.hbs": "a\n{{#if true}}\n",
    "templates/other.hbs": "{{#if true}}\n",
    "roles/web/tasks/main.yml": render("web.j2"),
    "roles/web/templates/web.j2": "{% if a %}x{% endif %}\n",
  };
  const wrong = ["roles/web/templates/web.j2:1:1 template-file", "templates/own.hbs:2:1 template-file"];
  expect((await lintFiles(files, { paths: ["site.yml"] })).places).toEqual(wrong);
  expect((await lintFiles(files)).places).toEqual([
    wrong[0],
    "templates/other.hbs:1:1 template-file",
    wrong[1],
  ]);
});

test.each(readdirSync("playbooks").filter((name) => name.endsWith(".yml")))(
  "of %s alone nothing is told to be unused or unknown",
  async (name) => {
    const findings = await lint([`playbooks/${name}`], {
      inventory: ["inventory/example"],
      rolePaths: ["roles"],
      extraNames: new Set(),
      keyring: new Keyring(),
    });
    expect(findings.map(({ rule, at, message }) => `${at.file}:${at.line} ${rule} ${message}`)).toEqual([]);
  },
);
