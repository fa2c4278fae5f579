import type { Rule } from "../rule.ts";
import { tasksOf } from "../tree.ts";

/** `become_user` without `become`. */
export const becomeUserAlone: Rule = {
  name: "become-user-alone",
  severity: "warning",
  summary: "`become_user` without `become`",
  why: "Only `become: true` makes another user act; `become_user` alone says who that would be. `plumb run --become` or the variable `ansible_become` may say it elsewhere, which this task then depends on.",
  bad: {
    "site.yml":
      "- name: Database\n  hosts: all\n  tasks:\n    - name: Look\n      command: id\n      changed_when: false\n      become_user: postgres\n",
  },
  good: {
    "site.yml":
      "- name: Database\n  hosts: all\n  tasks:\n    - name: Look\n      command: id\n      changed_when: false\n      become: true\n      become_user: postgres\n",
  },
  check: (tree) =>
    tasksOf(tree)
      .filter(({ task: { keywords } }) => keywords.becomeUser !== undefined && keywords.become === undefined)
      .map(({ task }) => ({
        message: "this says which user to become, and nothing says to become one",
        // Where it was written: the play's counts for all its tasks.
        at: task.keywords.becomeUser?.at ?? task.at,
        hint: "write `become: true` beside it, or on the play",
      })),
};
