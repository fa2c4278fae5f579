import path from "node:path";
import { didYouMean } from "../../diagnostics/did-you-mean.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import type { Rule, RuleFinding } from "../rule.ts";

/** Files of variables that are for nobody. */
export const strayVariablesFile: Rule = {
  name: "stray-variables-file",
  severity: "warning",
  summary: "a file in group_vars or host_vars that is named after no group or host",
  why: "Nobody reads it: neither a run nor Ansible says so. Rename it after a group or a host of the inventory, or remove it. Looked at only where the tree has an inventory, or one is named with `-i`.",
  bad: {
    "hosts.yml": "web:\n  hosts:\n    web1:\n",
    "group_vars/webs.yml": "web_port: 80\n",
    "site.yml":
      '- name: Web\n  hosts: web\n  tasks:\n    - {name: Show the port, debug: {msg: "{{ web_port }}"}}\n',
  },
  good: {
    "hosts.yml": "web:\n  hosts:\n    web1:\n",
    "group_vars/web.yml": "web_port: 80\n",
    "site.yml":
      '- name: Web\n  hosts: web\n  tasks:\n    - {name: Show the port, debug: {msg: "{{ web_port }}"}}\n',
  },
  check: ({ files, inventory, inventoryVariables }) => {
    if (inventory === undefined) return [];
    // Those beside an inventory that is named with `-i` are no files of the tree.
    const beside = inventoryVariables.flatMap(({ variable: { at } }) => (at === undefined ? [] : [at.file]));
    const inTree = files.filter(({ kind }) => kind === "variables").map(({ file }) => file);
    return [...new Set([...inTree, ...beside])].flatMap((file) => strayFile(file, inventory));
  },
};

function strayFile(file: string, inventory: Inventory): RuleFinding[] {
  const [, kind, written = ""] = /(?:^|\/)(group_vars|host_vars)\/([^/]+)/.exec(file) ?? [];
  if (kind === undefined || written.startsWith(".")) return [];
  const names = [...(kind === "group_vars" ? inventory.groups : inventory.hosts).keys()];
  const name = [written, written.replace(/\.(yml|yaml|json)$/, "")].find((one) => names.includes(one));
  if (name !== undefined) return [];
  const plain = path.parse(written).name;
  const meant = didYouMean(plain, names);
  return [
    {
      message: `the inventory has no ${kind === "group_vars" ? "group" : "host"} \`${plain}\`, so nobody reads this file`,
      at: { file, line: 1, column: 1 },
      ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
    },
  ];
}
