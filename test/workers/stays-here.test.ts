import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { planPlays } from "../../src/fleet/plan-plays.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import { type ReadLater, reasonToStay } from "../../src/workers/stays-here.ts";

/** Why the last of the plays stays, or "". */
async function reasonOf(plays: string, files: ReadLater[] = []): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-stays-"));
  const file = path.join(folder, "site.yml");
  await writeFile(file, plays);
  const planned = planPlays({
    inventory: await loadInventory(["a,b,"]),
    playbooks: [await loadPlaybook(file, { rolePaths: [] })],
    extraVariables: { level: "extra vars", variables: new Map() },
  }).flatMap(({ run }) => (run === undefined ? [] : [run]));
  const last = planned.at(-1);
  if (last === undefined) throw new Error("no play");
  return reasonToStay(last, planned.slice(0, -1), files) ?? "";
}

const tasks = (text: string): Promise<string> =>
  reasonOf(`- hosts: all\n  tasks:\n${text.replace(/^/gm, "    ")}\n`);

test("a play whose hosts have nothing to do with each other is given away", async () => {
  expect(
    await reasonOf(
      `- hosts: all
  serial: 1
  any_errors_fatal: true
  tasks:
    - {command: hostname, register: name, run_once: false}
    - {debug: {msg: "{{name.stdout}} {{groups.all}}"}, when: name is defined or defined(name)}
    - meta: flush_handlers
`.replace("name is defined or ", ""),
    ),
  ).toBe("");
});

test.each([
  ["- {command: hostname, run_once: true}", "run_once"],
  ["- {command: hostname, run_once: !expr inventory_hostname == 'a'}", "run_once"],
  ["- {command: hostname, throttle: 1}", "throttle"],
  ["- {command: hostname, delegate_to: b}", "delegate_to"],
  ["- block:\n    - {command: hostname}\n  rescue:\n    - {meta: end_play}", "meta"],
  ["- meta: refresh_inventory", "meta"],
  ["- {fetch: {src: /etc/hostname, dest: /tmp/x}}", "fetch"],
  ["- {pause: {seconds: 1}}", "pause"],
  ['- {debug: {msg: "{{hostvars.b.x}}"}}', "hostvars"],
  ["- {command: hostname, when: defined(hostvars.b.x)}", "hostvars"],
  ['- {include_tasks: "{{file}}.yml"}', "includes"],
])("%s keeps its hosts together", async (text, reason) => {
  expect(await tasks(text)).toContain(reason);
});

test("what an earlier play has set keeps a play here, questions do, and so does the controller itself", async () => {
  const first =
    "- hosts: all\n  tasks:\n    - {set_fact: {chosen: 1}}\n    - {command: hostname, register: name}\n";
  expect(await reasonOf(`${first}- hosts: all\n  tasks:\n    - {debug: {msg: "{{chosen}}"}}\n`)).toContain(
    "`chosen`",
  );
  expect(
    await reasonOf(
      `${first}- hosts: all\n  vars: {x: "{{name.stdout}}"}\n  tasks:\n    - {debug: {msg: hm}}\n`,
    ),
  ).toContain("`name`");
  expect(await reasonOf(`${first}- hosts: all\n  tasks:\n    - {debug: {msg: "{{other}}"}}\n`)).toBe("");
  const file = { file: "group_vars/all.yml", text: "x: '{{name.stdout}}'" };
  const second = "- hosts: all\n  tasks: []\n";
  expect(await reasonOf(`${first}${second}`, [file])).toContain("group_vars/all.yml uses `name`");
  expect(await reasonOf(second, [{ file: "t.hbs", text: "{{#each hostvars}}{{/each}}" }])).toContain(
    "t.hbs looks at",
  );
  expect(await reasonOf("- hosts: all\n  vars_prompt: [{name: x}]\n  tasks: []\n")).toContain("vars_prompt");
  expect(await reasonOf("- hosts: localhost\n  tasks: []\n")).toContain("controller");
});
