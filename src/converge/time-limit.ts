import { setTimeout as wait } from "node:timers/promises";

/** What stands for no limit where a timer needs a number: 24 days, the longest that timers can wait. */
export const NO_LIMIT_MS = 2_147_483_647;

/** Without a `timeout` of its own, this is how long a step of a task may take. */
export const STEP_LIMIT_MS = 30 * 60_000;

/** Something took longer than it may. */
export class TimeLimitPassed extends Error {
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(`it did not end within ${limitMs / 1000} s, its time limit`);
    this.name = "TimeLimitPassed";
    this.limitMs = limitMs;
  }
}

/** Processes are asked to end before they are killed. */
const GRACE_MS = 5000;

/** What is done within a limit may say when it is over, and stop the clock. */
export interface Clock {
  /** Aborts when the time is over. */
  signal: AbortSignal;
  /** How much of the time is left. */
  leftMs(): number;
  /** Waits for somebody else: that takes none of the time. */
  hold<Type>(waiting: () => Promise<Type>): Promise<Type>;
}

/**
 * Does something for no longer than a time. What obeys the clock's signal ends with it, what does not is left behind.
 *
 * @param graceMs what is being ended gets this long for it.
 * @throws TimeLimitPassed
 */
export async function withinLimit<Type>(
  limitMs: number,
  act: (clock: Clock) => Promise<Type>,
  graceMs = GRACE_MS,
): Promise<Type> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let leftMs = limitMs;
  /** Undefined while the clock stands. */
  let startedMs: number | undefined;
  let isOver: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    isOver = resolve;
  });
  const start = (): void => {
    startedMs = performance.now();
    const end = (): void => {
      controller.abort();
      isOver();
    };
    timer = setTimeout(end, Math.min(Math.max(leftMs, 0), NO_LIMIT_MS));
  };
  const left = (): number => leftMs - (startedMs === undefined ? 0 : performance.now() - startedMs);
  const hold = async <Held>(waiting: () => Promise<Held>): Promise<Held> => {
    clearTimeout(timer);
    leftMs = left();
    startedMs = undefined;
    try {
      return await waiting();
    } finally {
      if (!controller.signal.aborted) start();
    }
  };
  start();
  const acting = act({ signal: controller.signal, leftMs: left, hold });
  const ended = acting.then(
    () => undefined,
    () => undefined,
  );
  const passed = over
    .then(() => Promise.race([ended, wait(graceMs, undefined, { ref: false })]))
    .then(() => true);
  try {
    const first = await Promise.race([ended.then(() => false), passed]);
    if (first || controller.signal.aborted) throw new TimeLimitPassed(limitMs);
    return await acting;
  } finally {
    clearTimeout(timer);
  }
}
