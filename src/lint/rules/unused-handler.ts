import type { Task } from "../../playbook/playbook.ts";
import { literalOf } from "../../variables/evaluate.ts";
import type { Templated } from "../../variables/templated.ts";
import type { Rule, RuleFinding } from "../rule.ts";
import { filesToJudge, hasUnseenTasks } from "../tree.ts";

/** Handlers that nothing notifies. */
export const unusedHandler: Rule = {
  name: "unused-handler",
  severity: "warning",
  summary: "a handler that nothing notifies",
  why: "It never runs. Most often a task lost its `notify:`, or names something else. (A `notify` that no handler answers to is an error that is always found: `unknown-handler`.)",
  bad: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: Folder\n      file: {path: /srv/web, state: directory}\n  handlers:\n    - name: restart web\n      systemd: {name: web, state: restarted}\n",
  },
  good: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: Folder\n      file: {path: /srv/web, state: directory}\n      notify: restart web\n  handlers:\n    - name: restart web\n      systemd: {name: web, state: restarted}\n",
  },
  check: (tree) => {
    const { playbooks } = tree;
    const own = filesToJudge(tree);
    const unused = new Map<string, RuleFinding>();
    const used = new Set<string>();
    for (const { plays, isForRole } of playbooks) {
      for (const play of plays) {
        const { tasks, handlers } = play;
        const notified = [...tasks, ...handlers].flatMap(({ notify }) => notify).map(patternOf);
        for (const handler of handlers) {
          const { file, line, column } = handler.at;
          const place = `${file}:${line}:${column}`;
          // A role by itself may be notified by whoever uses it.
          const isUsed =
            hasUnseenTasks(play) ||
            (isForRole && handler.listen.length > 0) ||
            namesOf(handler).some((name) => notified.some((one) => one.test(name)));
          if (isUsed || !(isForRole || own.has(file))) used.add(place);
          else unused.set(place, findingFor(handler));
        }
      }
    }
    return [...unused].filter(([place]) => !used.has(place)).map(([, finding]) => finding);
  },
};

function findingFor(handler: Task): RuleFinding {
  const [name] = namesOf(handler);
  return {
    message: `nothing notifies the handler \`${name ?? handler.module}\``,
    at: handler.at,
    hint: "take it out, or `notify:` it from the task whose change it is for",
  };
}

function namesOf({ name, listen, role }: Task): string[] {
  const text = name === undefined ? undefined : name.kind === "text" ? name.template.source : literalOf(name);
  const names = typeof text === "string" ? [text] : [];
  return [...names, ...(role === undefined ? [] : names.map((one) => `${role.name} : ${one}`)), ...listen];
}

/** What a `notify` with a template in it may come to. */
function patternOf(notified: Templated): RegExp {
  const text = notified.kind === "text" ? notified.template.source : literalOf(notified);
  if (typeof text !== "string") return /(?:)/;
  const parts = text.split(/\{\{.*?\}\}/s).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}
