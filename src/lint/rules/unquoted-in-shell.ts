import { commandLineOf } from "../command-line.ts";
import type { Rule } from "../rule.ts";
import { tasksOf } from "../tree.ts";

/** Variables in the text of a shell, unquoted. */
export const unquotedInShell: Rule = {
  name: "unquoted-in-shell",
  severity: "warning",
  summary: "a variable in shell text without `quote`",
  why: "A blank, a `;` or a `$(…)` in the value becomes part of the script. `quote` makes one word of it, whatever is in it. Quotation marks around the template do not help against one in the value.",
  bad: {
    "site.yml":
      "- name: Web\n  hosts: all\n  vars: {folder: /srv}\n  tasks:\n    - name: Count\n      shell: ls {{ folder }} | wc -l\n      changed_when: false\n",
  },
  good: {
    "site.yml":
      "- name: Web\n  hosts: all\n  vars: {folder: /srv}\n  tasks:\n    - name: Count\n      shell: ls {{ quote folder }} | wc -l\n      changed_when: false\n",
  },
  check: (tree) =>
    tasksOf(tree).flatMap(({ task }) => {
      const line = task.module === "shell" || task.module === "raw" ? commandLineOf(task) : undefined;
      if (line === undefined) return [];
      const names = [...line.text.matchAll(/\{\{\s*([A-Za-z_][\w.]*)\s*\}\}/g)].map(([, name = ""]) => name);
      return [...new Set(names)].map((name) => ({
        message: `the shell takes apart what is in \`${name}\``,
        at: line.at,
        hint: `write {{ quote ${name} }}`,
      }));
    }),
};
