import type { Event, TaskFinished, TaskReference } from "../converge/event.ts";
import type { Basis, Watcher } from "../converge/watcher.ts";
import { formatPosition } from "../diagnostics/diagnostic.ts";
import { digestParts } from "./digest.ts";
import type { DigestedParts, PlannedHost, PlannedTask } from "./plan.ts";

/** Listens to a run and writes down, per host and task, how each came out. */
export interface PlanBuilder {
  watcher: Watcher;
  hear(event: Event): void;
  /** Call it after `run-finished`. */
  hosts(): Record<string, PlannedHost>;
}

/** Facts that change by themselves say nothing about whether a plan still holds. */
const RESTLESS_FACTS = /^(date_time|mem|memory|swap|uptime|load|proc_cmdline|mounts|package_versions|env)/;

/** What they bring is not all foretold: packages make users, files and services. */
const INSTALLS = new Set(["package", "dnf"]);

export function planBuilder(salt: string): PlanBuilder {
  const predictions = new Map<string, Record<string, DigestedParts>>();
  const ran = new Set<string>();
  const facts = new Map<string, DigestedParts>();
  const tasks = new Map<string, PlannedTask[]>();
  /** Handlers of a host that a task notified which certainly would change something. */
  const certain = new Set<string>();
  const outcomes = new Map<string, PlannedHost["outcome"]>();
  /** Hosts on which something would be done whose effect nobody knows. */
  const stirred = new Set<string>();
  const passes = passCounter();
  return {
    watcher: {
      objection: (host, task) => {
        ran.add(`${host}\0${keyOf(task)}`);
        return undefined;
      },
      predicted: (host, task, basis) => {
        predictions.set(`${host}\0${keyOf(task)}`, digested(salt, basis));
        if (!facts.has(host)) {
          const lasting = Object.entries(basis.facts).filter(([name]) => !RESTLESS_FACTS.test(name));
          facts.set(host, digestParts(salt, Object.fromEntries(lasting)));
        }
      },
    },
    hear: (event) => {
      if (event.type === "run-finished") {
        for (const { host, outcome } of event.hosts) outcomes.set(host, outcome);
      }
      if (event.type !== "task-finished") return;
      if (event.status === "would-change")
        for (const handler of event.notified) certain.add(`${event.host}\0${handler}`);
      const basis = predictions.get(`${event.host}\0${keyOf(event.task)}`);
      predictions.delete(`${event.host}\0${keyOf(event.task)}`);
      const own = tasks.get(event.host) ?? [];
      tasks.set(event.host, own);
      const status = plannedStatus(event, basis !== undefined, certain);
      own.push({
        ...plannedTask(event, passes(event.host, event.task)),
        status,
        ...(status === "would-change" && stirred.has(event.host) ? { tentative: true } : {}),
        ...(basis === undefined ? {} : { basis }),
        ...(ran.delete(`${event.host}\0${keyOf(event.task)}`) ? { ran: true } : {}),
      });
      if (status === "unknown" || (status === "would-change" && INSTALLS.has(event.task.module)))
        stirred.add(event.host);
    },
    hosts: () =>
      Object.fromEntries(
        [...outcomes].map(([host, outcome]) => {
          const known = facts.get(host);
          return [
            host,
            { outcome, ...(known === undefined ? {} : { facts: known }), tasks: tasks.get(host) ?? [] },
          ];
        }),
      ),
  };
}

function digested(salt: string, { answers }: Basis): Record<string, DigestedParts> {
  return Object.fromEntries([...answers].map(([name, answer]) => [name, digestParts(salt, answer)]));
}

/** What a handler would do follows from the changes before it: a run of it is foretold as surely as those are. */
function plannedStatus(
  event: TaskFinished,
  isPredicted: boolean,
  certain: ReadonlySet<string>,
): PlannedTask["status"] {
  const { task, status, host } = event;
  if (!task.handler || status !== "skipped" || !isPredicted) return status;
  const name = task.role === undefined ? task.name : `${task.role} : ${task.name}`;
  return certain.has(`${host}\0${name}`) ? "would-change" : "unknown";
}

function plannedTask(event: TaskFinished, pass: string): PlannedTask {
  const { task } = event;
  const item = task.item === undefined ? "" : ` => ${task.item.label}`;
  return {
    taskId: task.taskId,
    pass,
    title: `${task.role === undefined ? "" : `${task.role} : `}${task.name}${item}`,
    module: task.module,
    handler: task.handler,
    at: formatPosition(task.at),
    status: event.status,
    message: event.message,
    differences: event.differences.map((difference) => ({ ...difference })),
  };
}

function keyOf(task: TaskReference): string {
  return `${task.taskId}\0${task.item?.index ?? ""}`;
}

/** Numbers the passes of a task on a host: the items of its loop, and each time that it comes. */
export function passCounter(): (host: string, task: TaskReference) => string {
  const counts = new Map<string, number>();
  return (host, task) => {
    const key = `${host}\0${keyOf(task)}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return `${task.item?.index ?? ""}#${count}`;
  };
}
