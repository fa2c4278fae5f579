import { inputError } from "../diagnostics/diagnostic.ts";
import { evaluate } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Templated } from "../variables/templated.ts";
import { describeValue } from "./describe-value.ts";
import type { Task } from "./playbook.ts";

/** Ansible's: three retries where `until` says nothing of their number, five seconds apart. */
const DEFAULT_RETRIES = 3;
const DEFAULT_DELAY_SECONDS = 5;

/** How often a task is tried again before it counts as failed. @throws DiagnosticsError wrong-type */
export function retriesOf(task: Pick<Task, "retries" | "until">, scope: Scope): number {
  if (task.retries === undefined) return task.until === undefined ? 0 : DEFAULT_RETRIES;
  return amountOf("retries", task.retries, scope);
}

/** Milliseconds between two tries. @throws DiagnosticsError wrong-type */
export function delayMsOf(task: Pick<Task, "delay">, scope: Scope): number {
  const seconds = task.delay === undefined ? DEFAULT_DELAY_SECONDS : amountOf("delay", task.delay, scope);
  return seconds * 1000;
}

/** What a keyword that takes a number comes to. @throws DiagnosticsError wrong-type */
export function amountOf(keyword: string, value: Templated, scope: Scope): number {
  const result = evaluate(value, scope);
  const number = typeof result === "string" && result.trim() !== "" ? Number(result) : result;
  if (typeof number === "number" && number >= 0 && Number.isFinite(number)) return number;
  throw inputError(
    "wrong-type",
    `\`${keyword}\` must be a number, not below 0, and came out as ${describeValue(result)}`,
    {
      ...(value.at === undefined ? {} : { at: value.at }),
    },
  );
}
