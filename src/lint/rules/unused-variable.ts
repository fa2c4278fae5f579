import { isBuiltIn } from "../names-known.ts";
import { namesUsed } from "../names-used.ts";
import type { Rule } from "../rule.ts";
import { filesToJudge, rolesOf, variablesOf } from "../tree.ts";

/** Variables that nothing uses. */
export const unusedVariable: Rule = {
  name: "unused-variable",
  severity: "warning",
  summary: "a variable that nothing in the tree uses",
  why: "Whoever changes it expects that something happens. The name stands nowhere else in the tree: in no task, template, expression or other variable. Of a playbook that is named by itself (`plumb lint site.yml`) only its own variables are looked at: other playbooks may use those of its roles and inventories. Variables of the inventory are looked at only where the tree has playbooks, and a name that a role declares is used by declaring it.",
  bad: {
    "site.yml":
      "- name: Web\n  hosts: all\n  vars:\n    web_port: 80\n  tasks:\n    - name: Show\n      debug: {msg: hello}\n",
  },
  good: {
    "site.yml":
      '- name: Web\n  hosts: all\n  vars:\n    web_port: 80\n  tasks:\n    - name: Show\n      debug: {msg: "{{ web_port }}"}\n',
  },
  check: (tree) => {
    if (!tree.playbooks.some(({ isForRole }) => !isForRole)) return [];
    const used = namesUsed(tree);
    const own = filesToJudge(tree);
    const declared = new Set(
      rolesOf(tree).flatMap(({ specification }) => [...(specification?.options.keys() ?? [])]),
    );
    const ofRoles = rolesOf(tree).map(({ name }) => `${name}_`);
    return variablesOf(tree).flatMap(({ name, level, variable: { at } }) => {
      if (at === undefined || !own.has(at.file) || used.has(name) || declared.has(name) || isBuiltIn(name))
        return [];
      // The rule unknown-role-variable has said more of it.
      if (!level.startsWith("role ") && ofRoles.some((prefix) => name.startsWith(prefix))) return [];
      return [{ message: `nothing uses \`${name}\``, at, hint: "take it out, or use it" }];
    });
  },
};
