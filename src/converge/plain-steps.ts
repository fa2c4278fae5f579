import type { ScriptStep, Step, WriteFileStep } from "../modules/step.ts";

/** Steps that may be a part of one script with others. */

export type HostStep = ScriptStep | WriteFileStep;

/** The steps, where all of them are plain. */
export function plainSteps(steps: readonly Step[]): readonly HostStep[] | undefined {
  const plain = steps.filter(isPlain);
  return plain.length === steps.length ? plain : undefined;
}

/** By the task's user, without input or environment of its own. */
export function isPlain(step: Step): step is HostStep {
  if (step.kind === "controller" || step.as !== undefined) return false;
  if (step.kind === "write-file") return true;
  return [step.stdin, step.environment, step.succeedsWith, step.isUsersOwn].every((one) => one === undefined);
}

/** Packages and services take their time. */
export const isSlow = (steps: readonly HostStep[]): boolean =>
  steps.some((step) => step.kind === "script" && step.timeoutMs !== undefined);
