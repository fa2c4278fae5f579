import { setTimeout as wait } from "node:timers/promises";
import { TransportError } from "./transport.ts";

const TRIES = { turnedAway: 4, slow: 2 };
const PAUSE_MS = 400;

/**
 * Connects, and tries again where a server turned the connection away without a word or took too long for the handshake: sshd does so at random while more than its `MaxStartups` are
 * logging in (sshd_config(5)), and whoever is busy may. Who refuses a key, has none, or does not listen is not asked again.
 *
 * @returns what was connected, and how many tries that took
 * @throws TransportError of the last try
 */
export async function connectAgain<Type>(
  connect: () => Promise<Type>,
  signal: AbortSignal | undefined,
): Promise<{ connected: Type; tries: number }> {
  const isGivenUp = (): boolean => signal?.aborted === true;
  for (let tries = 1; ; tries++) {
    try {
      return { connected: await connect(), tries };
    } catch (error) {
      if (tries >= triesFor(error) || isGivenUp()) throw error;
      // Not all at once: those who were turned away together would be again.
      await wait(
        PAUSE_MS * tries * (0.5 + Math.random()),
        undefined,
        signal === undefined ? {} : { signal },
      ).catch(() => undefined);
      if (isGivenUp()) throw error;
    }
  }
}

function triesFor(error: unknown): number {
  if (!(error instanceof TransportError) || !(error.cause instanceof Error)) return 1;
  const { cause, code } = error;
  if (code === "unreachable" && /before handshake|ECONNRESET|EPIPE/.test(cause.message))
    return TRIES.turnedAway;
  return code === "connect-timeout" && "level" in cause && cause.level === "client-timeout" ? TRIES.slow : 1;
}
