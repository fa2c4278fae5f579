import { literalOf } from "../../variables/evaluate.ts";
import type { Rule } from "../rule.ts";
import { tasksOf } from "../tree.ts";

/** Packages that any run may bring to another version. */
export const latestPackage: Rule = {
  name: "latest-package",
  severity: "warning",
  summary: "a package with `state: latest`",
  why: "Any run may upgrade it, on the day somebody happens to run the playbook, host by host to whatever is newest then. Name a version, or upgrade in a playbook that is for that.",
  bad: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: The web server\n      package: {name: nginx, state: latest}\n",
  },
  good: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: The web server\n      package: {name: nginx, state: present}\n",
  },
  check: (tree) =>
    tasksOf(tree)
      .filter(({ task }) => task.module === "package" || task.module === "dnf")
      .flatMap(({ task }) =>
        task.parameters
          .filter(({ key, value }) => key === "state" && literalOf(value) === "latest")
          .map(({ value }) => value.at ?? task.at),
      )
      .map((at) => ({
        message: "any run may bring this package to another version",
        at,
        hint: "write `state: present`, or name a version",
      })),
};
