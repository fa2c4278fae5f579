import { setImmediate as breather } from "node:timers/promises";

/**
 * Gives everybody a turn of the event loop to begin in. Finding out what to ask of a host is a dozen milliseconds of work without a pause: done for many hosts in one go it would keep
 * the connections waiting that are being made meanwhile, and with them the hosts.
 */
export class Breathers {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves in a turn of the event loop in which nobody else has begun. */
  next(): Promise<void> {
    const turn = this.#last.then(() => breather());
    this.#last = turn;
    return turn.then(() => undefined);
  }
}
