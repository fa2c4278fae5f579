import { Interrupted } from "../converge/interrupted.ts";
import { Slots } from "./slots.ts";

/**
 * So many hosts are connected at once, however many are worked on: a handshake is mostly arithmetic, here and there, and more of them at once only makes each take longer, until some run out
 * of time.
 */
const AT_ONCE = 32;

/** The handshakes of a run: each has its turn, and all can be given up. */
export class Handshakes {
  readonly #slots = new Slots(AT_ONCE);
  readonly #givenUp = new AbortController();

  /**
   * Connects when its turn has come.
   *
   * @throws Interrupted when handshakes have been given up; otherwise what `connect` throws
   */
  async inTurn<Type>(connect: (signal: AbortSignal) => Promise<Type>): Promise<Type> {
    await this.#slots.take();
    try {
      if (this.#givenUp.signal.aborted) throw new Interrupted();
      return await connect(this.#givenUp.signal);
    } catch (error) {
      throw this.#givenUp.signal.aborted ? new Interrupted() : error;
    } finally {
      this.#slots.give();
    }
  }

  /** Ends handshakes that are under way, and lets none begin. What is connected stays so. */
  giveUp(): void {
    this.#givenUp.abort();
  }
}
