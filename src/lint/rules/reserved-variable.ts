import { isReserved, reservedName } from "../../playbook/reserved-name.ts";
import type { Rule } from "../rule.ts";

/** Variables of the inventory and of files that plays and tasks read whose names Plumb sets itself. Those of plays, tasks and roles are told of by the loader, under the same name. */
export const reservedVariable: Rule = {
  name: "reserved-variable",
  severity: "warning",
  summary: "a variable with the name of one that Plumb sets itself, such as `groups`",
  why: "Plumb sets it on every host, and what is written for it counts for nothing: neither does it in Ansible, for most of these names. Give it another name. A run tells of it too.",
  bad: {
    "hosts.yml": "web:\n  hosts:\n    web1:\n",
    "group_vars/web.yml": "groups: [www-data]\n",
    "site.yml":
      '- name: Web\n  hosts: web\n  tasks:\n    - {name: Show the groups, debug: {msg: "{{ groups.web }}"}}\n',
  },
  good: {
    "hosts.yml": "web:\n  hosts:\n    web1:\n",
    "group_vars/web.yml": "web_groups: [www-data]\n",
    "site.yml":
      '- name: Web\n  hosts: web\n  tasks:\n    - {name: Show the groups, debug: {msg: "{{ join web_groups }}"}}\n',
  },
  check: ({ inventoryVariables, playbooks }) => {
    const ofFiles = playbooks.flatMap(({ plays }) => plays.flatMap(({ fileVariables }) => fileVariables));
    return [...inventoryVariables, ...ofFiles].flatMap(({ name, variable: { at } }) => {
      if (at === undefined || !isReserved(name)) return [];
      const { message, hint } = reservedName(name, at);
      return [{ message, at, ...(hint === undefined ? {} : { hint }) }];
    });
  },
};
