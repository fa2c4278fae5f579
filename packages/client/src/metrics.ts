import { DatabaseError, SessionFeatureError } from "./errors.ts";
import type { Failure } from "./failure.ts";

/** Upper bounds of the histograms, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** How often something took how long. */
export interface Histogram {
  /** Upper bound in seconds, and how many took no longer. */
  buckets: readonly { le: number; count: number }[];
  sumSeconds: number;
  count: number;
}

export type CallKind = "query" | "transaction";
export type CallResult =
  | "ok"
  | "refused"
  | "deadline"
  | "attempts"
  | "circuit-open"
  | "session-feature"
  | "application";
export type CircuitWord = "closed" | "open" | "half-open";

/** Everything that is counted since the start, and what is so now. */
export interface Metrics {
  calls: Readonly<Record<CallKind, Readonly<Partial<Record<CallResult, number>>>>>;
  attempts: number;
  /** Tries that were repeated, by why the one before failed. */
  retries: Readonly<Partial<Record<Failure["reason"], number>>>;
  /** Tries that failed, by why. */
  failures: Readonly<Partial<Record<Failure["reason"], number>>>;
  circuit: { state: CircuitWord; opened: number };
  pool: { max: number; total: number; idle: number; waiting: number };
  connections: { opened: number; closed: number };
  /** From the call to its end, pauses included. */
  callDuration: Histogram;
  /** Waiting for a connection of the pool. */
  acquireDuration: Histogram;
}

/** Counts. */
export class Recorder {
  readonly calls: Record<CallKind, Partial<Record<CallResult, number>>> = { query: {}, transaction: {} };
  readonly retries: Partial<Record<Failure["reason"], number>> = {};
  readonly failures: Partial<Record<Failure["reason"], number>> = {};
  attempts = 0;
  circuitOpened = 0;
  connectionsOpened = 0;
  connectionsClosed = 0;
  readonly callDuration = new Durations();
  readonly acquireDuration = new Durations();

  /** A call ended, with this error or without one. */
  ended(kind: CallKind, error: unknown, seconds: number): void {
    countOne(this.calls[kind], resultOf(error));
    this.callDuration.add(seconds);
  }

  /** What has been counted, as a value that stays as it is. */
  read(
    state: CircuitWord,
    pool: { totalCount: number; idleCount: number; waitingCount: number },
    max: number,
  ): Metrics {
    return {
      calls: { query: { ...this.calls.query }, transaction: { ...this.calls.transaction } },
      attempts: this.attempts,
      retries: { ...this.retries },
      failures: { ...this.failures },
      circuit: { state, opened: this.circuitOpened },
      pool: { max, total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount },
      connections: { opened: this.connectionsOpened, closed: this.connectionsClosed },
      callDuration: this.callDuration.read(),
      acquireDuration: this.acquireDuration.read(),
    };
  }
}

function resultOf(error: unknown): CallResult {
  if (error === undefined) return "ok";
  if (error instanceof DatabaseError) return error.reason;
  return error instanceof SessionFeatureError ? "session-feature" : "application";
}

class Durations {
  private readonly counts: number[] = BOUNDS.map(() => 0);
  private sumSeconds = 0;
  private count = 0;

  add(seconds: number): void {
    const index = BOUNDS.findIndex((bound) => seconds <= bound);
    if (index !== -1) this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sumSeconds += seconds;
    this.count += 1;
  }

  read(): Histogram {
    let below = 0;
    const buckets = BOUNDS.map((le, index) => {
      below += this.counts[index] ?? 0;
      return { le, count: below };
    });
    return { buckets, sumSeconds: this.sumSeconds, count: this.count };
  }
}

/** One more of a kind. */
export function countOne<Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
