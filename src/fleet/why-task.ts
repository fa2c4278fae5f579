import type { HostUnreachable, TaskFinished } from "../converge/event.ts";
import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { leavesOf } from "../playbook/leaves.ts";
import type { Include, Playbook, Task } from "../playbook/playbook.ts";
import { selectsTask } from "../playbook/tags.ts";
import { literalOf } from "../variables/evaluate.ts";
import { redactMap } from "../variables/redact-value.ts";
import type { Scope } from "../variables/scope.ts";
import { isValueMap, type Value } from "../variables/value.ts";
import { planPlays } from "./plan-plays.ts";
import { run } from "./run.ts";
import type { RunOptions } from "./run-options.ts";

/** A name in a condition, and what it is on the host. */
interface NameInCondition {
  name: string;
  value?: Value;
  unknown?: string;
  at?: SourceRange;
}

interface ConditionOnHost {
  source: string;
  at: SourceRange;
  holds: boolean | "unknown";
  names: readonly NameInCondition[];
}

/** Why one task does what it does on one host. */
export interface WhyTask {
  name: string;
  module: string;
  at: SourceRange;
  play: string;
  /** Whether the host is in the play, within the limit. */
  hostTakesPart: boolean;
  tags: readonly string[];
  /** Whether `--tags` and `--skip-tags` let it take part. */
  selected: boolean;
  conditions: readonly ConditionOnHost[];
  /** What a check on the host found: one entry, or one for each item of a loop. Empty when the task never came to its turn. */
  found: readonly Pick<TaskFinished, "status" | "message" | "hint" | "differences" | "task">[];
}

export interface WhyTaskAnswer {
  host: string;
  tasks: readonly WhyTask[];
  /** The host could not be looked at. */
  unreachable?: Pick<HostUnreachable, "message" | "hint">;
}

/**
 * Why tasks of a name would run, be skipped or change something on a host: the plays are checked there, on that host alone, and nothing is changed.
 *
 * @throws DiagnosticsError when no task has the name.
 */
export async function whyTask(options: RunOptions, host: string, name: string): Promise<WhyTaskAnswer> {
  const wanted = tasksNamed(options.playbooks, name);
  const hostsOfPlays = new Map(
    planPlays(options).map(({ plan }) => {
      const { playId, hosts } = plan(options.inventory);
      return [playId, hosts] as const;
    }),
  );
  const takesPart = wanted.filter(({ playId }) => hostsOfPlays.get(playId)?.includes(host) === true);
  const conditions = new Map<string, ConditionOnHost[]>();
  const found = new Map<string, TaskFinished[]>();
  let unreachable: HostUnreachable | undefined;
  if (takesPart.length > 0) {
    await run({
      ...options,
      limit: host,
      checkMode: true,
      observe: (task, scope) => {
        if (!conditions.has(task.id)) conditions.set(task.id, conditionsOf(task, scope, options));
      },
      emit: (event) => {
        if (event.type === "host-unreachable") unreachable = event;
        if (event.type !== "task-finished" || event.host !== host) return;
        found.set(event.task.taskId, [...(found.get(event.task.taskId) ?? []), event]);
      },
    });
  }
  const answer: WhyTaskAnswer = {
    host,
    tasks: wanted.map(({ task, play, playId }) => ({
      name: labelOf(task),
      module: task.module,
      at: task.at,
      play: play.name,
      hostTakesPart: hostsOfPlays.get(playId)?.includes(host) === true,
      tags: task.keywords.tags,
      selected: selectsTask(task, options),
      conditions: conditions.get(task.id) ?? task.keywords.when.map(notLookedAt),
      found: found.get(task.id) ?? [],
    })),
  };
  if (unreachable === undefined) return answer;
  const { message, hint } = unreachable;
  return { ...answer, unreachable: { message, ...(hint === undefined ? {} : { hint }) } };
}

type Play = Playbook["plays"][number];

function tasksNamed(
  playbooks: readonly Playbook[],
  name: string,
): { task: Task; play: Play; playId: string }[] {
  const all = playbooks.flatMap(({ file, plays }) =>
    plays.flatMap((play, index) =>
      leavesOf([...play.sections.flatMap(({ nodes }) => nodes), ...play.handlers]).map((node) => ({
        task: taskOf(node),
        play,
        playId: `${file}#${index}`,
      })),
    ),
  );
  const named = all.filter(({ task }) => labelOf(task) === name);
  if (named.length > 0) return named;
  const lower = name.toLowerCase();
  const similar = all.filter(({ task }) => labelOf(task).toLowerCase().includes(lower));
  if (similar.length > 0) return similar;
  const meant = didYouMean(
    name,
    all.map(({ task }) => labelOf(task)),
  );
  throw inputError("invalid-option", `--task ${name}: no task has this name`, {
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
    expected: "a task's name, or a part of it; without a name, its module",
  });
}

function taskOf(node: Task | Include): Task {
  return node.kind === "include" ? node.task : node;
}

function labelOf({ name, module }: Task): string {
  if (name === undefined) return module;
  return name.kind === "text" ? name.template.source : String(literalOf(name) ?? module);
}

function notLookedAt({ expression, at }: Task["keywords"]["when"][number]): ConditionOnHost {
  return { source: expression.source, at, holds: "unknown", names: [] };
}

function conditionsOf(task: Task, scope: Scope, options: RunOptions): ConditionOnHost[] {
  return task.keywords.when.map(({ expression, at }) => ({
    source: options.secrets.redact(expression.source),
    at,
    holds: known(() => expression.evaluate(scope) === true) ?? "unknown",
    names: expression.names.flatMap((root) => namesBelow(root, expression.source, scope, options)),
  }));
}

/** `ansible_facts.distribution` says more than all facts: each way that the condition goes into a mapping is a name of its own. */
function namesBelow(root: string, source: string, scope: Scope, options: RunOptions): NameInCondition[] {
  const ways = [
    ...source.matchAll(
      new RegExp(`(?<![\\w.])${root}((?:\\.[A-Za-z_]\\w*(?!\\s*\\()|\\[(?:'[^']*'|"[^"]*")\\])*)`, "g"),
    ),
  ].map(([, way = ""]) =>
    [...way.matchAll(/\.(\w+)|\[['"]([^'"]*)['"]\]/g)].map(([, dotted, quoted]) => dotted ?? quoted ?? ""),
  );
  const unique = new Map(ways.map((way) => [way.join("\0"), way]));
  return [...unique.values()].map((way): NameInCondition => {
    const name = [root, ...way].join(".");
    const at = scope.sourceOf(root, way);
    const value = known(() => way.reduce<Value | undefined>(entry, scope.lookup(root)));
    const place = at === undefined ? {} : { at };
    if (value === undefined) return { name, unknown: "not defined, or not known before a run", ...place };
    return { name, value: redactMap({ value }, options.secrets)["value"] ?? null, ...place };
  });
}

function entry(value: Value | undefined, key: string): Value | undefined {
  return isValueMap(value) ? value[key] : undefined;
}

/** What can't be told before a run is undefined; the check itself says what is wrong. */
function known<Type>(look: () => Type): Type | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
