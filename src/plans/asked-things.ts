import type { Event } from "../converge/event.ts";
import type { Watcher } from "../converge/watcher.ts";
import { subjectKey } from "../modules/subject.ts";
import type { Node, Play, Playbook, Task } from "../playbook/playbook.ts";
import { evaluate, literalOf } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";

/** What playbooks ask for on each host, found out by a run in check mode. */
export interface AskedThings {
  watcher: Watcher;
  hear(event: Event): void;
  /** By host, of those that could be looked at. */
  asked(): Record<string, string[]>;
  /** By host: why that may not be all. */
  unsure(): Record<string, string[]>;
}

/** They make nothing that is remembered as made. */
const MAKE_NOTHING =
  /^(command|shell|script|raw|debug|assert|fail|set_fact|wait_for\w*|stat|slurp|fetch|uri|pause|ping|meta|setup|\w+_facts|getent|systemd|systemd_service|service|reboot|include_vars|async_status|find|pg_query|journal|postgresql_\w+|package|apt|pgbouncer_(admin|check|restart|capacity|acceptance)|x509_certificate_info|get_certificate|rollback|add_host|group_by|sysctl|known_hosts)$/;

/** Parameters that say which thing a task is about. */
const NAMES = /(^|_)(path|dest|name|table|user|group|directory|unit|file|key|cert|dropin)($|_)/;

/**
 * A task asks for whatever it has questions about, or says that it touches: rather too much than too little, because what is asked for is not removed. Tasks whose conditions do
 * not hold, that only run after a failure, and handlers ask for what stands in their parameters.
 */
export function askedThings(playbooks: readonly Playbook[]): AskedThings {
  const byHost = new Map<string, Set<string>>();
  const everywhere = new Set<string>();
  const doubts = new Map<string, Set<string>>();
  const doubtsEverywhere = new Set<string>();
  const seen = new Set<string>();
  const hosts = new Set<string>();
  const of = (map: Map<string, Set<string>>, host: string): Set<string> => {
    const found = map.get(host) ?? new Set();
    map.set(host, found);
    return found;
  };
  for (const task of playbooks.flatMap(({ plays }) => plays.flatMap(tasksAside))) {
    if (MAKE_NOTHING.test(task.module)) continue;
    readParameters(task, literalOf, everywhere, doubtsEverywhere);
  }
  return {
    watcher: {
      concerned: (host, task, { questions, subjects }) => {
        seen.add(`${host}\0${task.id}`);
        const into = task.keywords.runOnce === undefined ? of(byHost, host) : everywhere;
        for (const question of questions) addTexts(question, into);
        for (const subject of subjects) into.add(subjectKey(subject));
      },
      passedOver: (host, task, scope) => {
        seen.add(`${host}\0${task.id}`);
        if (task.module.startsWith("include_") || task.module === "block")
          of(doubts, host).add(`\`${task.module}\` at ${task.at.file}:${task.at.line} was passed over`);
        else if (!MAKE_NOTHING.test(task.module))
          readParameters(task, (value) => known(value, scope), of(byHost, host), of(doubts, host));
      },
    },
    hear: (event) => {
      if (event.type === "run-finished")
        for (const { host, outcome } of event.hosts) if (outcome !== "unreachable") hosts.add(host);
      if (event.type !== "task-finished" || event.task.handler) return;
      const { host, status, task } = event;
      const wasSeen = seen.delete(`${host}\0${task.taskId}`);
      const where = `\`${task.name}\` at ${task.at.file}:${task.at.line}`;
      if (status === "failed" || status === "ignored" || status === "rescued")
        of(doubts, host).add(`${where} failed`);
      else if (status === "unknown" && !wasSeen && !MAKE_NOTHING.test(task.module))
        of(doubts, host).add(`${where} can't be known before a run`);
    },
    asked: () => Object.fromEntries([...hosts].map((host) => [host, [...everywhere, ...of(byHost, host)]])),
    unsure: () =>
      Object.fromEntries([...hosts].map((host) => [host, [...doubtsEverywhere, ...of(doubts, host)]])),
  };
}

/** Tasks that a run without failures, changes and `--tags` does not come to. */
function tasksAside({ sections, handlers }: Play): Task[] {
  const inside = (some: readonly Node[], aside: boolean): Task[] =>
    some.flatMap((node): Task[] => {
      if (node.kind === "task") return aside || node.keywords.tags.includes("never") ? [node] : [];
      if (node.kind === "include") return [];
      return [...inside(node.block, aside), ...inside(node.rescue, true), ...inside(node.always, aside)];
    });
  return [...sections.flatMap(({ nodes }) => inside(nodes, false)), ...handlers];
}

function readParameters(
  task: Task,
  read: (value: Templated) => unknown,
  asked: Set<string>,
  doubts: Set<string>,
): void {
  for (const { key, value } of task.parameters) {
    const found = read(value);
    if (found !== undefined) addTexts(found, asked);
    else if (NAMES.test(key))
      doubts.add(`\`${key}\` of \`${task.module}\` at ${task.at.file}:${task.at.line} is not known`);
  }
}

/** undefined where it depends on what is not there. */
function known(value: Templated, scope: Scope): unknown {
  try {
    return evaluate(value, scope);
  } catch {
    return undefined;
  }
}

function addTexts(value: unknown, into: Set<string>): void {
  if (typeof value === "string") into.add(value.replace(/(.)\/+$/, "$1"));
  else if (typeof value === "object" && value !== null)
    for (const one of Object.values(value)) addTexts(one, into);
}
