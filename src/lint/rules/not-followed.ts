import type { Rule } from "../rule.ts";

/** Includes that lint did not look into, and what it therefore can't say. */
export const notFollowed: Rule = {
  name: "not-followed",
  severity: "note",
  summary: "an include whose file only a run tells: nothing in it was looked at",
  why:
    "Of `include_tasks`, `include_role`, `include_vars` and `vars_files` lint reads what is written out, or made of the written items of a loop. What is made of facts, variables and results is not known before a run; nor is a file " +
    "that is not there yet, or that is vaulted and no password was given for. What is in there may define any variable and notify any handler, so of this playbook `undefined-variable` says nothing, and of the play `unused-handler` says nothing where tasks were included. " +
    "It is no fault, and never makes lint fail, with `--strict` neither. To have all of it looked at, write the names into a loop with `when`: files of a role's `tasks` are checked by themselves anyway.",
  bad: {
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: What this system needs\n      include_tasks: "{{ ansible_facts.os_family }}.yml"\n',
  },
  good: {
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: What this system needs\n      include_tasks: "{{ item }}.yml"\n      loop: [Debian, RedHat]\n      when: ansible_facts.os_family == item\n',
    "Debian.yml": "- name: The web server\n  package: {name: nginx}\n",
    "RedHat.yml": "- name: The web server\n  package: {name: nginx}\n",
  },
  check: ({ playbooks }) =>
    playbooks.flatMap(({ plays }) =>
      plays.flatMap((play) =>
        play.notFollowed.map(({ what, at, why }) => ({
          message: `lint could not follow this \`${what}\`: ${why}`,
          at,
          hint: "what it defines is not known, so no variable of this playbook is told to be undefined",
        })),
      ),
    ),
};
