import { didYouMean } from "../../diagnostics/did-you-mean.ts";
import type { RoleContext } from "../../playbook/playbook.ts";
import { namesUsed } from "../names-used.ts";
import type { Rule, RuleFinding } from "../rule.ts";
import { filesToJudge, type LintTree, rolesOf, variablesOf } from "../tree.ts";

/** Variables for a role that its specification does not have. */
export const unknownRoleVariable: Rule = {
  name: "unknown-role-variable",
  severity: "error",
  summary: "a variable for a role that the role does not know",
  why: "A misspelt variable of a role does nothing: the role runs with its default. A role that declares its variables (`meta/argument_specs.yml`) lets this be seen: a parameter of its entry, or a variable with its name in front that nothing else uses, and that it neither declares nor has a default for.",
  bad: {
    "roles/web/meta/argument_specs.yml":
      "argument_specs:\n  main:\n    short_description: Web\n    options:\n      web_port: {type: int, default: 80}\n",
    "roles/web/defaults/main.yml": "web_port: 80\n",
    "roles/web/tasks/main.yml": '- name: Show\n  debug: {msg: "{{ web_port }}"}\n',
    "site.yml": "- name: Web\n  hosts: all\n  vars:\n    web_prot: 8080\n  roles: [web]\n",
  },
  good: {
    "roles/web/meta/argument_specs.yml":
      "argument_specs:\n  main:\n    short_description: Web\n    options:\n      web_port: {type: int, default: 80}\n",
    "roles/web/defaults/main.yml": "web_port: 80\n",
    "roles/web/tasks/main.yml": '- name: Show\n  debug: {msg: "{{ web_port }}"}\n',
    "site.yml": "- name: Web\n  hosts: all\n  vars:\n    web_port: 8080\n  roles: [web]\n",
  },
  check: (tree) => {
    const roles = rolesOf(tree).filter(({ specification }) => specification !== undefined);
    if (roles.length === 0) return [];
    return [...parameters(roles), ...prefixed(tree, roles)];
  },
};

function known(role: RoleContext): Set<string> {
  return new Set([
    ...(role.specification?.options.keys() ?? []),
    ...role.defaults.keys(),
    ...role.variables.keys(),
  ]);
}

function parameters(roles: readonly RoleContext[]): RuleFinding[] {
  return roles.flatMap((role) => {
    const names = known(role);
    return [...role.parameters]
      .filter(([name]) => !names.has(name))
      .flatMap(([name, { at }]) => (at === undefined ? [] : [finding(role, name, at)]));
  });
}

function prefixed(tree: LintTree, roles: readonly RoleContext[]): RuleFinding[] {
  const used = namesUsed(tree);
  const own = filesToJudge(tree);
  // `pgbouncer_health_port` is the role pgbouncer_health's, where there is one.
  const longestFirst = [...roles].sort((a, b) => b.name.length - a.name.length);
  return variablesOf(tree).flatMap(({ name, variable: { at }, level }) => {
    const role = level.startsWith("role ")
      ? undefined
      : longestFirst.find((one) => name.startsWith(`${one.name}_`));
    if (
      role === undefined ||
      at === undefined ||
      !own.has(at.file) ||
      known(role).has(name) ||
      used.has(name)
    )
      return [];
    return [finding(role, name, at)];
  });
}

function finding(role: RoleContext, name: string, at: RuleFinding["at"]): RuleFinding {
  const meant = didYouMean(name, known(role));
  return {
    message: `the role \`${role.name}\` has no variable \`${name}\``,
    at,
    hint:
      meant === undefined
        ? `it has ${[...known(role)].slice(0, 12).join(", ")}`
        : `did you mean \`${meant}\`?`,
  };
}
