/** When a process was started, as its host tells it now. Seconds. */
export interface ProcessStart {
  /** The host's clock now. */
  now: number;
  /** It has run so long since it was booted. */
  up: number;
  /** It had run so long when the process was started. */
  upThen: number;
  /** Its clock when the process was started, in whole seconds. */
  clockThen: number;
}

/** Clocks that are corrected bit by bit move by less than this, and `clockThen` is rounded. */
const JUMPED_SECONDS = 2;

/**
 * Whether a file was written after a process was started, also where the host's clock has been set in between or before. Where nobody can know (it was set back, and the file is of a time that
 * it has shown twice), it counts as written since: to read a file once more does no harm.
 *
 * @param written the file's time (st_mtime).
 */
export function isWrittenSince({ now, up, upThen, clockThen }: ProcessStart, written: number): boolean {
  // When it was started, by the clock as it goes now.
  const started = now - up + upThen;
  if (Math.abs(started - clockThen) >= JUMPED_SECONDS) return written > Math.min(started, clockThen);
  // The clock has not been set since then: what is of a time to come was written before it was.
  return written > started && written <= now + JUMPED_SECONDS;
}
