import { setTimeout as wait } from "node:timers/promises";
import { AttemptFailure } from "./attempt.ts";
import { type Circuit, CircuitOpen } from "./circuit.ts";
import { DatabaseError, type Outcome } from "./errors.ts";
import { type CallKind, countOne, type Recorder } from "./metrics.ts";
import type { ResolvedOptions } from "./options.ts";
import { pauseAfter } from "./retry.ts";

/** Makes a call of tries: again where that is safe and may help, until it works or its time is over. */
export type Tries = <Result>(
  kind: CallKind,
  options: { idempotent: boolean; deadlineMs: number },
  once: (timeoutMs: number) => Promise<Result>,
) => Promise<Result>;

export function callTries(
  { retry, attemptTimeoutMs }: Pick<ResolvedOptions, "retry" | "attemptTimeoutMs">,
  circuit: Circuit,
  recorder: Recorder,
): Tries {
  const tryUntil = async <Result>(
    { idempotent, deadlineMs }: { idempotent: boolean; deadlineMs: number },
    once: (timeoutMs: number) => Promise<Result>,
  ): Promise<Result> => {
    const began = performance.now();
    const left = (): number => deadlineMs - (performance.now() - began);
    let sent = 0;
    // A try that may have been done stays so, whatever later ones say.
    let outcome: Outcome = "not-sent";
    let last: AttemptFailure | undefined;
    for (let number = 1; ; number++) {
      try {
        return await circuit.through(() => {
          sent += 1;
          recorder.attempts += 1;
          return once(Math.min(attemptTimeoutMs, Math.max(1, left())));
        });
      } catch (error) {
        if (error instanceof AttemptFailure) {
          last = error;
          countOne(recorder.failures, error.failure.reason);
          outcome = worse(outcome, error.failure.outcome);
        } else if (!(error instanceof CircuitOpen)) throw error;
      }
      const give = (reason: DatabaseError["reason"]): DatabaseError =>
        new DatabaseError(
          told(reason, sent, began, outcome, last),
          { reason, outcome, attempts: sent, sqlState: last?.failure.sqlState },
          last?.cause,
        );
      // New calls fail at once while the circuit is open. One that was under way when it opened waits: it puts no load on anybody.
      if (last === undefined) throw give("circuit-open");
      if (!last.failure.isTransient || (outcome === "unknown" && !idempotent)) throw give("refused");
      if (number >= retry.maxAttempts) throw give("attempts");
      const pause = pauseAfter(number, retry, Math.random);
      if (pause >= left()) throw give("deadline");
      countOne(recorder.retries, last.failure.reason);
      await wait(pause);
    }
  };
  return async (kind, options, once) => {
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    try {
      const result = await tryUntil(options, once);
      recorder.ended(kind, undefined, seconds());
      return result;
    } catch (error) {
      recorder.ended(kind, error, seconds());
      throw error;
    }
  };
}

const ORDER: readonly Outcome[] = ["not-sent", "rolled-back", "unknown"];
const worse = (one: Outcome, other: Outcome): Outcome =>
  ORDER.indexOf(one) > ORDER.indexOf(other) ? one : other;

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  "not-sent": "It was not executed",
  "rolled-back": "It was undone",
  unknown: "It may have been executed: the answer was lost",
};

function told(
  reason: DatabaseError["reason"],
  attempts: number,
  began: number,
  outcome: Outcome,
  last: AttemptFailure | undefined,
): string {
  if (last === undefined)
    return "the database has not answered for a while, so this was not tried (the circuit is open)";
  const tries = `${attempts} ${attempts === 1 ? "try" : "tries"} in ${Math.round(performance.now() - began)} ms`;
  const why = { refused: "", attempts: ", no more tries", deadline: ", no time left", "circuit-open": "" }[
    reason
  ];
  return `${last.message} (${tries}${why}). ${OUTCOMES[outcome]}.`;
}
