import type { SourceRange } from "../../diagnostics/diagnostic.ts";
import { didYouMean } from "../../diagnostics/did-you-mean.ts";
import type { Task } from "../../playbook/playbook.ts";
import {
  type FreeVariable,
  freeInExpression,
  freeInTemplate,
  freeVariables,
} from "../../variables/free-variables.ts";
import { insteadOfName } from "../../variables/names-not-here.ts";
import type { Templated } from "../../variables/templated.ts";
import { isBuiltIn, namesOfPlaybook, namesOfTask } from "../names-known.ts";
import type { Rule, RuleFinding } from "../rule.ts";
import { templateOf } from "../templates-used.ts";
import type { LintTree } from "../tree.ts";

interface Use {
  at: SourceRange;
  variable: FreeVariable;
}

/** Variables that no level defines: playbook, roles, inventory, facts, registered results, -e. */
export const undefinedVariable: Rule = {
  name: "undefined-variable",
  severity: "error",
  summary: "a variable that nothing defines",
  why:
    "A run would fail at this task, on every host. Looked for are variables of the play, its roles and their specifications, blocks, tasks and loops, facts, registered results, " +
    "`set_fact`, files that are read by name, the inventory with group_vars and host_vars, and `-e`; and what an `assert` of the playbook demands by `defined(name)` is left to whoever runs it. Where no inventory is found or named (`-i`), or a role stands alone, it is a " +
    "warning: somebody may define it there. Nothing is said where something is included that lint can't look into (`not-followed`).",
  bad: {
    "site.yml":
      '- name: Web\n  hosts: all\n  vars:\n    web_port: 80\n  tasks:\n    - name: Show\n      debug:\n        msg: "{{ web_port }} {{ web_prot }}"\n',
  },
  good: {
    "site.yml":
      "- name: Web\n  hosts: all\n  vars:\n    web_port: 80\n  tasks:\n    - name: Show\n      debug:\n        msg: \"{{ web_port }} {{ default other 'x' }} {{ inventory_hostname }}\"\n      when: not defined(another) or another == 1\n",
  },
  check: async (tree) => {
    const findings: RuleFinding[] = [];
    const looked: Looked = new Map();
    for (const playbook of tree.playbooks) {
      const known = namesOfPlaybook(tree, playbook);
      if (known === "any") continue;
      const severity = tree.inventory === undefined || playbook.isForRole ? "warning" : "error";
      const demanded = new Set(playbook.plays.flatMap(({ tasks }) => tasks.flatMap(demandedBy)));
      for (const { tasks, handlers } of playbook.plays) {
        for (const task of [...tasks, ...handlers]) {
          const own = namesOfTask(task);
          const asked = new Set(task.keywords.when.flatMap(({ expression }) => askedIn(expression.source)));
          const isKnown = (name: string): boolean =>
            (isBuiltIn(name) && insteadOfName(name) === undefined) ||
            known.has(name) ||
            own.has(name) ||
            demanded.has(name);
          const uses = [...usesOf(task), ...(await usesInTemplate(task, playbook.file, looked))];
          for (const { at, variable } of uses) {
            if (variable.isAsked || asked.has(variable.name) || isKnown(variable.name)) continue;
            findings.push({ severity, ...finding(tree, { at, name: variable.name }, [...known, ...own]) });
          }
        }
      }
    }
    return findings;
  },
};

function finding(
  tree: LintTree,
  { at, name }: { at: SourceRange; name: string },
  names: readonly string[],
): RuleFinding {
  const instead = insteadOfName(name);
  if (instead !== undefined)
    return {
      message: `nothing defines \`${name}\``,
      at,
      hint: `Ansible has it, and Plumb has not: ${instead}`,
    };
  const meant = didYouMean(name, names);
  return {
    message: `nothing defines \`${name}\``,
    at,
    hint:
      meant === undefined
        ? tree.inventory === undefined
          ? `define it, name the inventory that does with -i, or say what to take without it: default(${name}, "value")`
          : `define it, or say what to take without it: default(${name}, "value")`
        : `did you mean \`${meant}\`?`,
  };
}

/** What an `assert` demands by `defined(name)` is given by whoever runs the playbook. */
function demandedBy(task: Task): string[] {
  if (task.module !== "assert") return [];
  const values = task.parameters.filter(({ key }) => key === "that").map(({ value }) => value);
  return values
    .flatMap((value) => freeVariables(value))
    .flatMap(({ variable }) => (variable.isAsked ? [variable.name] : []));
}

const askedIn = (source: string): string[] =>
  freeInExpression(source)
    .filter(({ isAsked }) => isAsked)
    .map(({ name }) => name);

/** What a task reads in its own lines. */
function usesOf(task: Task): Use[] {
  const { keywords, loop } = task;
  const values: (Templated | undefined)[] = [
    task.name,
    ...task.parameters.map(({ value }) => value),
    loop?.items,
    loop?.label,
    ...task.notify,
    task.retries,
    task.delay,
    ...keywords.environment,
    keywords.becomeUser,
    keywords.delegateTo,
  ];
  const conditions = [
    ...keywords.when,
    ...(task.changedWhen ?? []),
    ...(task.failedWhen ?? []),
    ...(task.until ?? []),
  ];
  return [
    ...values
      .flatMap((value) => (value === undefined ? [] : freeVariables(value)))
      .flatMap(({ at, variable }) => [{ at: at ?? task.at, variable }]),
    ...conditions.flatMap(({ expression, at }) =>
      freeInExpression(expression.source).map((variable) => ({ at, variable })),
    ),
  ];
}

/** Many tasks may render one template: it is looked through once. */
type Looked = Map<string, Use[]>;

async function usesInTemplate(task: Task, playbookFile: string, looked: Looked): Promise<Use[]> {
  const template = await templateOf(task, playbookFile);
  if (template === undefined) return [];
  const uses = looked.get(template.file) ?? usesInText(template);
  looked.set(template.file, uses);
  return uses;
}

function usesInText(template: { file: string; text: string }): Use[] {
  return freeInTemplate(template.text).map((variable) => ({
    at: { file: template.file, line: variable.line, column: variable.column + 1 },
    variable,
  }));
}
