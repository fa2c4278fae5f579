import type { Pool, PoolClient } from "pg";
import { AttemptTimeoutError } from "./errors.ts";
import { type Failure, failureOf, type Stage } from "./failure.ts";

/** A try that failed at the database. */
export class AttemptFailure extends Error {
  override readonly name = "AttemptFailure";
  readonly failure: Failure;

  constructor(failure: Failure, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.failure = failure;
  }
}

/** A connection of the pool, lent for one try. */
export interface Lease {
  client: PoolClient;
  /** How far the try has come; whoever sends something says so before. */
  stage: Stage;
  /** Nothing is left open on it: it may go back to the pool. */
  isClean: boolean;
}

/**
 * One try: takes a connection, works with it, gives it back or, where it may be spoilt, closes it. What the database refused becomes an AttemptFailure; what the
 * application itself throws comes through as it is.
 *
 * @param databaseError the error of the database that an error is or was made from; undefined where it is the application's own
 */
export async function attempt<Result>(
  pool: Pool,
  timeoutMs: number,
  onAcquired: (seconds: number) => void,
  work: (lease: Lease) => Promise<Result>,
  databaseError: (error: unknown) => unknown,
): Promise<Result> {
  const began = performance.now();
  const client = await acquire(pool, timeoutMs).catch((error: unknown) => {
    throw new AttemptFailure(failureOf(error, "connecting"), error);
  });
  onAcquired((performance.now() - began) / 1000);
  // A connection that breaks between two statements tells so as an event, which would end the process if nobody listened; the next statement fails anyway.
  const ignore = (): void => undefined;
  client.on("error", ignore);
  const lease: Lease = { client, stage: "connecting", isClean: false };
  try {
    const left = Math.max(1, timeoutMs - (performance.now() - began));
    return await withTimeout(work(lease), left);
  } catch (error) {
    if (error instanceof AttemptFailure) throw error;
    const told = error instanceof AttemptTimeoutError ? error : databaseError(error);
    if (told === undefined) throw error;
    const failure = failureOf(told, lease.stage);
    if (failure.isConnectionSpent) lease.isClean = false;
    throw new AttemptFailure(failure, error);
  } finally {
    client.removeListener("error", ignore);
    client.release(!lease.isClean);
  }
}

/** The pool's own timeout is one for all; a try has what is left of its time. A connection that comes too late goes back. */
async function acquire(pool: Pool, timeoutMs: number): Promise<PoolClient> {
  const connecting = pool.connect();
  try {
    return await withTimeout(connecting, timeoutMs);
  } catch (error) {
    if (error instanceof AttemptTimeoutError) {
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
    }
    throw error;
  }
}

async function withTimeout<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new AttemptTimeoutError(`no answer within ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
