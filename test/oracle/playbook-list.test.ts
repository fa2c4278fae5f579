import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { withFiles } from "../playbook/loading.ts";

const run = promisify(execFile);

const files = {
  "hosts.ini": "a1 ansible_connection=local\na2\n[web]\na1\nb1\nb2\n",
  "site.yml": `- name: First play
  hosts: all:!b2
  tags: [p, q]
  pre_tasks:
    - name: pre
      debug: {msg: x}
      tags: [z, a]
  roles:
    - role: app
      tags: whole
    - {role: plain, tags: once}
    - {role: plain, tags: again}
  tasks:
    - debug: {msg: x}
    - block:
        - name: in a block
          debug: {msg: x}
        - meta: noop
      tags: block
    - import_tasks: one.yml
      tags: imported
    - name: hardly ever
      debug: {msg: x}
      tags: never
    - name: both
      debug: {msg: x}
      tags: never, wanted
  post_tasks:
    - {name: last, debug: {msg: x}, tags: always}
- hosts: web
  tasks: []
- import_playbook: other.yml
  tags: outer
`,
  "other.yml": "- hosts: b2\n  tasks:\n    - {name: there, debug: {msg: x}, tags: inner}\n",
  "one.yml": "- debug: {msg: inside}\n  tags: it\n- {name: second, debug: {msg: x}}\n",
  "roles/app/meta/main.yml": "dependencies: [base]\n",
  "roles/app/tasks/main.yml": "- name: configure\n  debug: {msg: x}\n  tags: conf\n",
  "roles/plain/tasks/main.yml": "- {name: plain, debug: {msg: x}}\n",
  "roles/base/tasks/main.yml": "- {name: base, debug: {msg: x}}\n",
};

/** Tags of a play, and hosts, stand in any order in Ansible's list. */
function comparable(output: string): string {
  const sorted = output.replace(
    /( {4}hosts \(\d+\):\n)((?: {6}\S+\n)+)/g,
    (_all, head: string, hosts: string) => {
      return `${head}${hosts.split("\n").sort().join("\n")}\n`;
    },
  );
  return sorted.replace(/^( {2}play .*TAGS: \[)(.*)\]$/gm, (_all, head: string, tags: string) => {
    return `${head}${tags.split(",").sort().join(",")}]`;
  });
}

describe("lists are as ansible-playbook's", () => {
  test.each(
    [
      ["--list-tasks"],
      ["--list-hosts"],
      ["--list-tags"],
      ["--list-hosts", "--list-tasks", "--list-tags"],
      ["--list-tasks", "--tags", "conf"],
      ["--list-tasks", "--tags", "wanted,it"],
      ["--list-tasks", "--skip-tags", "whole,z"],
      ["--list-tasks", "--list-tags", "--tags", "untagged"],
      ["--list-tasks", "--tags", "inner"],
      ["--list-hosts", "--limit", "a1:b2"],
    ].map((options) => ({ options, title: options.join(" ") })),
  )("$title", async ({ options }) => {
    await withFiles(files, async (folder) => {
      const site = path.join(folder, "site.yml");
      const args = [site, "-i", path.join(folder, "hosts.ini"), ...options];
      const [ours, theirs] = await Promise.all([
        run(process.execPath, [PLUMB, "run", ...args]),
        run("ansible-playbook", args, { env: { ...process.env, ANSIBLE_NOCOLOR: "1", LC_ALL: "C.UTF-8" } }),
      ]);
      expect(comparable(ours.stdout)).toBe(comparable(theirs.stdout));
    });
  });
});
