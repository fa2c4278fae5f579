import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Event } from "../../src/converge/event.ts";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { RunState } from "../../src/fleet/run-state.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";
import { checkOptions } from "./run-options.ts";

/** A project: file to text. */
function project(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-test-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** What a run is told of the variables before a host is touched. */
async function looked(files: Readonly<Record<string, string>>, extra = ""): Promise<Event[]> {
  const folder = project(files);
  const events: Event[] = [];
  const state = RunState.withoutConnections({
    ...(await checkOptions([path.join(folder, "hosts.ini")], [path.join(folder, "site.yml")])),
    extraVariables: { level: "extra vars", variables: parseVariables(extra, "-e") },
    checkMode: false,
    emit: (event) => events.push(event),
  });
  await state.prepareHostvars();
  return events;
}

const SITE = "- name: All\n  hosts: all\n  tasks: []\n";

describe("bad files of variables", () => {
  test("are all told at once, each once, whoever they are for", async () => {
    const failure = await looked({
      "hosts.ini": "[web]\nh1\nh2\nh3\n",
      "site.yml": `${SITE}  vars_files: [three.yml, made-later.yml, [nowhere.yml, four.yml], "{{ os }}.yml"]\n`,
      "vars/three.yml": "c: [1\n",
      "four.yml": "d: 1\nd: 2\n",
      "group_vars/all/one.yml": "a: [1\n",
      "group_vars/all/two.yml": "b: {{ x }}\n",
      "group_vars/web.yml": "x: 1\nx: 2\n",
      "host_vars/h1.yml": "bad name: 1\n",
      "host_vars/h2.yml": "- a list\n",
    }).catch((error: unknown) => error);
    const found = failure instanceof DiagnosticsError ? failure.diagnostics : [];
    expect(found.map(({ code, at }) => [code, path.basename(at?.file ?? "")])).toEqual([
      ["yaml-syntax", "one.yml"],
      ["yaml-syntax", "two.yml"],
      ["yaml-syntax", "web.yml"],
      ["wrong-type", "h1.yml"],
      ["wrong-type", "h2.yml"],
      ["yaml-syntax", "three.yml"],
      ["yaml-syntax", "four.yml"],
    ]);
  });

  test("so are bad sources of an inventory", async () => {
    const folder = project({ "a.ini": "[web\nh1\n", "b.yml": "all: {hosts: [x]}\n" });
    const sources = ["a.ini", "b.yml", "nowhere"].map((name) => path.join(folder, name));
    const failure = await loadInventory(sources).catch((error: unknown) => error);
    const found = failure instanceof DiagnosticsError ? failure.diagnostics : [];
    expect(found.map(({ code }) => code).toSorted()).toEqual([
      "file-not-found",
      "inventory-syntax",
      "inventory-syntax",
    ]);
  });
});

describe("a variable with the name of one that Plumb sets itself", () => {
  const warned = (events: readonly Event[]): unknown[] =>
    events.flatMap((event) =>
      event.type === "warning" && event.diagnostic !== undefined
        ? [
            [
              event.diagnostic.code,
              path.basename(event.diagnostic.at?.file ?? ""),
              event.diagnostic.at?.line,
              /`(\w+)`/.exec(event.message)?.[1],
            ],
          ]
        : [],
    );

  test("is a warning with its place, on every level, once for all hosts", async () => {
    const events = await looked(
      {
        "hosts.ini": "h1 groups=mine\nh2\n[web]\nh1\nh2\n[web:vars]\nomit=1\n",
        "site.yml":
          "- name: All\n  hosts: all\n  vars:\n    hostvars: {}\n  roles: [own]\n  tasks:\n    - name: Set\n      set_fact: {play_hosts: []}\n      register: group_names\n",
        "group_vars/web.yml": "port: 1\ninventory_hostname: other\n",
        "host_vars/h2.yml": "playbook_dir: /\nrole_name: mine\n",
        "roles/own/defaults/main.yml": "groups: []\n",
        "roles/own/tasks/main.yml": "[]\n",
      },
      "ansible_check_mode: false\n",
    );
    const sorted = (all: readonly unknown[]): string[] => all.map((one) => JSON.stringify(one)).toSorted();
    expect(sorted(warned(events))).toEqual(
      sorted([
        ["reserved-variable", "site.yml", 4, "hostvars"],
        ["reserved-variable", "site.yml", 8, "play_hosts"],
        ["reserved-variable", "site.yml", 9, "group_names"],
        ["reserved-variable", "main.yml", 1, "groups"],
        ["reserved-variable", "hosts.ini", 1, "groups"],
        ["reserved-variable", "hosts.ini", 7, "omit"],
        ["reserved-variable", "web.yml", 2, "inventory_hostname"],
        ["reserved-variable", "h2.yml", 1, "playbook_dir"],
        ["reserved-variable", "-e", 1, "ansible_check_mode"],
      ]),
    );
  });

  test("is none where the name is a loop's, or only a role has it", async () => {
    const events = await looked({
      "hosts.ini": "h1\n",
      "site.yml":
        "- name: All\n  hosts: all\n  vars: {role_name: x, name: y, port: 1}\n  tasks:\n    - name: Each\n      debug: {msg: x}\n      loop: [1]\n      loop_control: {loop_var: groups}\n",
    });
    expect(warned(events)).toEqual([]);
  });
});

test("a variable that is looked at through hostvars is made of what its own host is called, of its groups and of where it stands", async () => {
  const folder = project({
    "hosts.ini": "[web]\nh1\nh2.example.org\n[other]\nh2.example.org\n",
    "site.yml": SITE,
    "group_vars/web.yml":
      'file: "{{ inventory_dir }}/{{ inventory_hostname }}.crt"\nshort: "{{ inventory_hostname_short }}"\nbeside: !expr groups.web.filter(host, host != inventory_hostname)\n',
  });
  const options = await checkOptions([path.join(folder, "hosts.ini")], [path.join(folder, "site.yml")]);
  const state = RunState.withoutConnections(options);
  await state.prepareHostvars();
  const [playbook] = options.playbooks;
  if (playbook === undefined) throw new Error("no playbook");
  expect(state.variablesForOthers("h2.example.org", playbook)).toMatchObject({
    inventory_hostname: "h2.example.org",
    group_names: ["other", "web"],
    file: `${folder}/h2.example.org.crt`,
    short: "h2",
    beside: ["h1"],
  });
});
