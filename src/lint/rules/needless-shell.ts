import { commandLineOf } from "../command-line.ts";
import type { Rule } from "../rule.ts";
import { tasksOf } from "../tree.ts";

/** `shell` for what needs none. */
export const needlessShell: Rule = {
  name: "needless-shell",
  severity: "warning",
  summary: "`shell` where nothing is for a shell",
  why: "A shell takes blanks, quotes, `$` and `*` in values apart. `command` does not: without pipes, redirections, variables and the like it does the same and is safer.",
  bad: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: Look\n      shell: show-state --all\n      changed_when: false\n",
  },
  good: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: Look\n      command: show-state --all\n      changed_when: false\n    - name: Count\n      shell: show-state --all | wc -l\n      changed_when: false\n",
  },
  check: (tree) =>
    tasksOf(tree).flatMap(({ task }) => {
      const line = task.module === "shell" ? commandLineOf(task) : undefined;
      // The first word may be one of the shell's own.
      const isForShell =
        line === undefined ||
        /[|;&<>*?$`~#()[\]!\\\n]|\{[^{]|^\s*(cd|export|set|test|umask|source|\.|exec|ulimit|command|type|if|for|while|case|[A-Za-z_]\w*=)/.test(
          line.text.replace(/\{\{.*?\}\}/gs, "x").trim(),
        );
      return isForShell || line === undefined
        ? []
        : [{ message: "nothing here is for a shell", at: line.at, hint: "write `command:` instead" }];
    }),
};
