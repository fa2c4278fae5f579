import { commandLineOf } from "../command-line.ts";
import type { Rule } from "../rule.ts";
import { tasksOf } from "../tree.ts";

/** Commands that say "changed" at every run. */
export const noChangedWhen: Rule = {
  name: "no-changed-when",
  severity: "warning",
  summary: "a command that counts as a change at every run",
  why: "Nobody can tell from its result whether a command changed something, so every run reports a change, and handlers run. `changed_when` says it, `creates` and `removes` say when there is nothing to do. Handlers are left alone: they follow from a change.",
  bad: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: The key\n      command: make-key /etc/key\n",
  },
  good: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: The key\n      command: make-key /etc/key\n      args: {creates: /etc/key}\n    - name: Look\n      command: show-key\n      changed_when: false\n",
  },
  check: (tree) =>
    tasksOf(tree)
      .filter(
        ({ task, isHandler }) =>
          !isHandler &&
          commandLineOf(task) !== undefined &&
          task.changedWhen === undefined &&
          !task.parameters.some(({ key }) => key === "creates" || key === "removes"),
      )
      .map(({ task }) => ({
        message: `this \`${task.module}\` counts as a change at every run`,
        at: task.at,
        hint: "write `changed_when:`, or `creates:` or `removes:` among its parameters",
      })),
};
