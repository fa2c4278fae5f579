import path from "node:path";
import { expect, test } from "vitest";
import { RunState } from "../../src/fleet/run-state.ts";
import { variablesInPlay } from "../../src/fleet/variables-in-play.ts";
import { MAGIC_NAMES } from "../../src/playbook/magic-names.ts";
import type { Value } from "../../src/variables/value.ts";
import { checkOptions } from "../fleet/run-options.ts";
import { askAnsible, caseFolder, writeFiles } from "./ask-ansible.ts";

const FILES = {
  "hosts.ini": "[web]\nweb1.example.org\nweb2\n10.0.0.7\n[db]\ndb1\n[all:children]\nweb\ndb\n",
  "site.yml":
    "- hosts: web\n  name: The play\n  gather_facts: false\n  roles: [app]\n  tasks:\n    - name: task\n      debug: {msg: x}\n",
  "roles/app/meta/main.yml": "dependencies: [base]\n",
  "roles/app/tasks/main.yml": "- name: in the role\n  debug: {msg: x}\n",
  "roles/base/tasks/main.yml": "- {name: base, debug: {msg: x}}\n",
};

/** Which the two can't have in common: a mapping of everything, a marker, and what is told of the program itself. */
const OTHERWISE = ["hostvars", "omit", "ansible_version", "ansible_forks"];

/** Names of roles come out of a Python set, in any order. */
function ordered(name: string, value: Value | undefined): Value | undefined {
  return name.endsWith("role_names") && Array.isArray(value) ? [...value].sort() : value;
}

type Seen = Record<string, Record<string, Record<string, { value?: Value }>>>;

test("magic variables have Ansible's values, in a task and in a role's", async () => {
  const place = await caseFolder();
  await writeFiles(place.folder, FILES);
  const site = path.join(place.folder, "site.yml");
  const inventory = path.join(place.folder, "hosts.ini");
  const question = {
    kind: "variables",
    folder: place.folder,
    sources: [inventory],
    playbook: "site.yml",
    names: MAGIC_NAMES,
  };
  const [answer] = await askAnsible<Seen>([question]);
  const options = { ...(await checkOptions([inventory], [site])), checkMode: false, diffMode: false };
  const state = RunState.withoutConnections(options);
  const [playbook] = options.playbooks;
  const play = playbook?.plays[0];
  if (playbook === undefined || play === undefined) throw new Error("no play was loaded");
  const hosts = ["web1.example.org", "web2", "10.0.0.7"];
  let compared = 0;
  for (const host of hosts) {
    const variables = await variablesInPlay(
      state,
      { playbook, play, hosts, batchHosts: hosts },
      host,
      () => false,
    );
    for (const node of play.sections.flatMap(({ nodes }) => nodes)) {
      if (node.kind !== "task" || node.name?.kind !== "literal") continue;
      const scope = variables.scopeOf(node);
      const theirs = answer?.value?.[String(node.name.value)]?.[host] ?? {};
      for (const name of MAGIC_NAMES.filter((one) => !OTHERWISE.includes(one))) {
        // Where Ansible has no value, as of a role's name outside of one, there is nothing to be compared with.
        if (theirs[name] === undefined) continue;
        expect([name, ordered(name, scope.lookup(name))]).toEqual([name, ordered(name, theirs[name].value)]);
        compared += 1;
      }
      expect(theirs).toHaveProperty("inventory_hostname_short");
      // An address has no shorter name.
      const short = host === "10.0.0.7" ? host : host.replace(/\..*/, "");
      expect(scope.lookup("inventory_hostname_short")).toBe(short);
      const ours = scope.lookup("ansible_version");
      expect(Object.keys(Object(ours)).sort()).toEqual(
        Object.keys(Object(theirs["ansible_version"]?.value)).sort(),
      );
    }
  }
  expect(compared).toBeGreaterThan(80);
  await place.remove();
});
