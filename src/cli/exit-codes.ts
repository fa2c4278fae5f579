import type { RunFinished } from "../converge/event.ts";
import type { HostProblem } from "../fleet/on-hosts.ts";

/** What Plumb's exit status means (docs/exit-codes.md). */
export const EXIT = {
  ok: 0,
  /** Some host failed. */
  failed: 1,
  /** The input is wrong: playbook, inventory, options. Nothing was touched. */
  badInput: 2,
  /** With --detailed-exitcode: check mode found changes. */
  wouldChange: 3,
  /** Some host could not be reached, and no other failed. */
  unreachable: 4,
  /** With --detailed-exitcode: the run changed something. */
  changed: 5,
  /** A plan no longer holds. Nothing was touched. */
  refused: 6,
  /** Nothing is known to be out of true, and not everything could be known. */
  unknown: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit status of a run. */
export function exitCodeOf(finished: RunFinished, detailed: boolean): ExitCode {
  if (finished.outcome === "interrupted") return EXIT.interrupted;
  if (finished.outcome === "failed") return EXIT.failed;
  if (finished.outcome === "unreachable") return EXIT.unreachable;
  if (!detailed) return EXIT.ok;
  const has = (status: "changed" | "would-change" | "unknown"): boolean =>
    finished.hosts.some(({ counts }) => counts[status] > 0);
  if (has("would-change") || has("unknown")) return EXIT.wouldChange;
  return has("changed") ? EXIT.changed : EXIT.ok;
}

/** The exit status of a command that has asked hosts something, by those that gave no answer. */
export function exitCodeOfAnswers(answers: readonly { error?: HostProblem }[]): ExitCode {
  const errors = answers.flatMap(({ error }) => error ?? []);
  if (errors.some(({ code }) => code === "interrupted")) return EXIT.interrupted;
  return errors.length > 0 ? EXIT.unreachable : EXIT.ok;
}
