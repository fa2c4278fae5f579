import { isDeepStrictEqual } from "node:util";
import type { ShellUser } from "../transport/transport.ts";
import { type AddressedQuery, Answers } from "./answers.ts";
import { askBulk, bulksOf, QUERY_TIMEOUT_MS } from "./ask.ts";
import type { HostSession } from "./host-session.ts";
import { NO_LIMIT_MS } from "./time-limit.ts";

/**
 * Questions that are sent right behind a change, to the same shell: a shell does what it is sent in order, so they are answered as the host is after the change, and cost no trip of their own.
 * Questions that other shells have to ask (of another user) are left out: these would not wait for the change.
 */
export class AskedBehind {
  readonly #session: HostSession;
  readonly #questions: readonly AddressedQuery[];
  #asked: Promise<Answers | undefined> | undefined;

  constructor(session: HostSession, questions: readonly AddressedQuery[]) {
    this.#session = session;
    this.#questions = questions;
  }

  /** @param changeLimitMs how long the change may take, which comes first. */
  send(as: ShellUser, changeLimitMs: number): void {
    const own = this.#questions.filter((question) => isDeepStrictEqual(question.as, as));
    const timeoutMs = Math.min(NO_LIMIT_MS, changeLimitMs + QUERY_TIMEOUT_MS);
    const answers = new Answers();
    this.#asked = Promise.all(
      bulksOf(own).map((bulk) => askBulk(this.#session, bulk, { answers, timeoutMs })),
    ).then(
      () => answers,
      // Whatever has befallen the connection is told by who asks next.
      () => undefined,
    );
  }

  /** Keeps the answers, unless something else has been changed meanwhile. Call it when what was known before the change has been forgotten. */
  async keep(): Promise<void> {
    const { answers } = this.#session;
    const { age } = answers;
    const asked = await this.#asked;
    if (asked !== undefined && answers.age === age) answers.learn(asked);
  }
}
