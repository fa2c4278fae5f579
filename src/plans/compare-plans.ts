import { movedParts } from "./digest.ts";
import type { Plan, PlannedHost, PlannedTask } from "./plan.ts";

/** Something that is no longer as the plan has it. */
export interface Moved {
  /** Absent for input. */
  host?: string;
  /** Absent where it is the host as a whole. */
  task?: string;
  /** Such as `file: mode`, or what happened. */
  what: string;
}

/** The input of a plan that has changed since: files, the inventory, variables. */
export function movedInputs(before: Plan["inputs"], after: Plan["inputs"]): Moved[] {
  return movedParts(before, after).map((name) => ({
    what: !(name in after) ? `${name} is gone` : name in before ? `${name} has changed` : `${name} is new`,
  }));
}

/** What would come out otherwise now than it did when the plan was made. */
export function movedHosts(before: Plan["hosts"], after: Plan["hosts"]): Moved[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((host) => {
    const [was, is] = [before[host], after[host]];
    if (was === undefined) return [{ host, what: "is not in the plan" }];
    if (is === undefined) return [{ host, what: "takes no part any more" }];
    if (is.outcome !== was.outcome)
      return [{ host, what: `was ${was.outcome}, is ${is.outcome}` }, ...movedTasks(host, was, is)];
    return [...movedFacts(host, was, is), ...movedTasks(host, was, is)];
  });
}

function movedFacts(host: string, was: PlannedHost, is: PlannedHost): Moved[] {
  if (was.facts === undefined || is.facts === undefined) return [];
  return movedParts(was.facts, is.facts).map((name) => ({ host, what: `the fact ${name} has changed` }));
}

/** One task of a host and one pass of it, in plans and runs alike. */
export function passKey({ taskId, pass }: Pick<PlannedTask, "taskId" | "pass">): string {
  return `${taskId}\0${pass}`;
}

function movedTasks(host: string, was: PlannedHost, is: PlannedHost): Moved[] {
  const now = new Map(is.tasks.map((task) => [passKey(task), task]));
  const known = new Set(was.tasks.map(passKey));
  const moved = was.tasks.flatMap((task) => {
    const found = now.get(passKey(task));
    if (found === undefined) return [{ host, task: task.title, what: "would not run any more" }];
    return movedIn(task, found).map((what) => ({ host, task: task.title, what }));
  });
  const added = is.tasks.filter((task) => !known.has(passKey(task)));
  return [...moved, ...added.map(({ title }) => ({ host, task: title, what: "is not in the plan" }))];
}

function movedIn(was: PlannedTask, is: PlannedTask): string[] {
  if (was.status !== is.status)
    return [`was ${was.status}, is ${is.status}${is.message === "" ? "" : ` (${is.message})`}`];
  if (was.basis === undefined || is.basis === undefined) return [];
  const queries = new Set([...Object.keys(was.basis), ...Object.keys(is.basis)]);
  const moved = [...queries].flatMap((query) => {
    const parts = movedParts(was.basis?.[query] ?? {}, is.basis?.[query] ?? {});
    const named = parts.filter((part) => part !== "");
    if (named.length === 0) return parts.length === 0 ? [] : [`${query} has changed`];
    return [`${query}: ${named.join(", ")} ${named.length === 1 ? "has" : "have"} changed`];
  });
  if (moved.length > 0) return moved;
  return JSON.stringify(was.differences) === JSON.stringify(is.differences)
    ? []
    : ["other differences than planned"];
}
