import { canonicalModuleName } from "../../modules/catalogue.ts";
import type { Rule } from "../rule.ts";
import { tasksOf } from "../tree.ts";

/** Plays and tasks without a name. */
export const unnamed: Rule = {
  name: "unnamed",
  severity: "warning",
  summary: "a play or task without a name",
  why: "The name is what the output of a run, its record and its reports say, and what `--start-at-task` and handlers go by. It says what is to be so, not how.",
  bad: { "site.yml": "- name: Web servers\n  hosts: all\n  tasks:\n    - package: {name: nginx}\n" },
  good: {
    "site.yml":
      "- name: Web servers\n  hosts: all\n  tasks:\n    - name: The web server\n      package: {name: nginx}\n",
  },
  check: (tree) => [
    ...tasksOf(tree)
      .filter(({ task }) => task.name === undefined && canonicalModuleName(task.module) !== undefined)
      .map(({ task, isHandler }) => ({
        message: `this ${isHandler ? "handler" : "task"} (${task.module}) has no name`,
        at: task.at,
        hint: "give it one that says what will be so",
      })),
    ...tree.playbooks
      .filter(({ isForRole }) => !isForRole)
      .flatMap(({ plays }) => plays)
      .filter(({ play }) => !play.isNamed)
      .map(({ play }) => ({
        message: "this play has no name",
        at: play.at,
        hint: "give it one that says what its hosts become",
      })),
  ],
};
