import {
  BrokenCircuitError,
  CircuitState,
  circuitBreaker,
  handleWhen,
  type IBreaker,
  SamplingBreaker,
} from "cockatiel";
import type { CircuitWord } from "./metrics.ts";

/** When the circuit opens, and for how long. */
export interface CircuitPolicy {
  /** It opens when so large a part (0 to 1) of the tries found nobody there … */
  threshold: number;
  /** … within this time, in milliseconds … */
  windowMs: number;
  /** … and there were at least so many tries a second. */
  minimumPerSecond: number;
  /** … and nothing has worked for this long, in milliseconds: a pooler that restarts is away for less, and new calls should wait for it. */
  patienceMs: number;
  /** After this long one try is let through to see; in milliseconds. */
  openMs: number;
}

/** Lets tries through while somebody answers. */
export interface Circuit {
  /** Throws CircuitOpen without calling where the circuit is open. */
  through: <Result>(attempt: () => Promise<Result>) => Promise<Result>;
  state: () => CircuitWord;
}

/** The circuit is open: nothing was tried. */
export class CircuitOpen extends Error {
  override readonly name = "CircuitOpen";
}

const WORDS: Readonly<Record<CircuitState, CircuitWord>> = {
  [CircuitState.Closed]: "closed",
  [CircuitState.Open]: "open",
  [CircuitState.HalfOpen]: "half-open",
  [CircuitState.Isolated]: "open",
};

/** @param counts whether an error says that nobody was there */
export function openCircuit(
  policy: CircuitPolicy,
  counts: (error: unknown) => boolean,
  onOpen: () => void,
): Circuit {
  const breaker = circuitBreaker(handleWhen(counts), {
    halfOpenAfter: policy.openMs,
    breaker: patient(
      new SamplingBreaker({
        threshold: policy.threshold,
        duration: policy.windowMs,
        minimumRps: policy.minimumPerSecond,
      }),
      policy.patienceMs,
    ),
  });
  breaker.onBreak(onOpen);
  return {
    through: async (attempt) => {
      try {
        return await breaker.execute(attempt);
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw new CircuitOpen("the circuit is open");
        throw error;
      }
    },
    state: () => WORDS[breaker.state],
  };
}

/** Does what the other says, once nothing has worked for so long. */
function patient(breaker: IBreaker, patienceMs: number): IBreaker {
  let failingSince: number | undefined;
  return {
    state: breaker.state,
    success: (state) => {
      failingSince = undefined;
      breaker.success(state);
    },
    failure: (state) => {
      failingSince ??= performance.now();
      return breaker.failure(state) && performance.now() - failingSince >= patienceMs;
    },
  };
}
