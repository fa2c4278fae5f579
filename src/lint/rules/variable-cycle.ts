import { freeVariables } from "../../variables/free-variables.ts";
import type { Rule } from "../rule.ts";
import { type LintedVariable, variablesOf } from "../tree.ts";

/** Variables that are made of themselves. */
export const variableCycle: Rule = {
  name: "variable-cycle",
  severity: "error",
  summary: "a variable that is made of itself, or variables that are made of each other",
  why: "A variable is rendered when somebody asks for it, and this one would never come to an end: a task that asks for it fails. A variable does not see the value that it has on a weaker level; give it another name. Of variables that are made of each other only those are told that are defined in one place each.",
  bad: {
    "site.yml":
      '- name: Web\n  hosts: all\n  vars:\n    web_port: "{{ web_port }}"\n  tasks:\n    - {name: Show, debug: {msg: "{{ web_port }}"}}\n',
  },
  good: {
    "site.yml":
      '- name: Web\n  hosts: all\n  vars:\n    web_port: "{{ default port_of_web 80 }}"\n  tasks:\n    - {name: Show, debug: {msg: "{{ web_port }}"}}\n',
  },
  check: (tree) => {
    const variables = variablesOf(tree);
    const defined = Map.groupBy(variables, ({ name }) => name);
    const next = new Map(variables.map((one) => [one, madeOf(one)]));
    const isOnly = (name: string): boolean => defined.get(name)?.length === 1 && !tree.extraNames.has(name);
    return variables.flatMap((one) => {
      const find = (name: string): LintedVariable | undefined =>
        isOnly(name) ? defined.get(name)?.[0] : undefined;
      // What names itself does so whatever other levels say.
      const way = next.get(one)?.includes(one.name) === true ? [one.name] : wayBack(one, find, next);
      const { at } = one.variable;
      if (way === undefined || at === undefined) return [];
      return [
        {
          message: `the variable \`${one.name}\` is made of itself: ${[one.name, ...way].join(" -> ")}`,
          at,
          hint: "give one of them a value that does not depend on the others",
        },
      ];
    });
  },
};

/** What a text or an expression can't be rendered without. A mapping may read another of its own keys. */
function madeOf({ variable: { value } }: LintedVariable): string[] {
  if (value.kind !== "text" && value.kind !== "expression") return [];
  const read = freeVariables(value).filter(({ variable }) => !variable.isAsked);
  return [...new Set(read.map(({ variable }) => variable.name))];
}

/** The names on the way from a variable back to it. */
function wayBack(
  start: LintedVariable,
  find: (name: string) => LintedVariable | undefined,
  next: ReadonlyMap<LintedVariable, readonly string[]>,
): string[] | undefined {
  const seen = new Set<LintedVariable>();
  const follow = (from: LintedVariable): string[] | undefined => {
    for (const name of next.get(from) ?? []) {
      const there = find(name);
      if (there === start) return [name];
      if (there === undefined || seen.has(there)) continue;
      seen.add(there);
      const rest = follow(there);
      if (rest !== undefined) return [name, ...rest];
    }
    return undefined;
  };
  return follow(start);
}
