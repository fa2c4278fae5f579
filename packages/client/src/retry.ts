/** How tries follow each other. */
export interface RetryPolicy {
  /** Tries in all, the first one included. */
  maxAttempts: number;
  /** The longest pause before the second try; it doubles with each one. Milliseconds. */
  baseDelayMs: number;
  /** No pause is longer. Milliseconds. */
  maxDelayMs: number;
}

/**
 * The pause after a try that failed, in milliseconds: anything between nothing and a limit that doubles ("full jitter"), so that clients who were cut off together do not
 * come back together. `random` gives a number from 0 to 1.
 */
export function pauseAfter(attempt: number, policy: RetryPolicy, random: () => number): number {
  return Math.floor(random() * Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempt - 1)));
}
