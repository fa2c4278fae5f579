import type { Answered, Query } from "../queries/query.ts";
import type { ShellUser } from "../transport/transport.ts";

/** A query together with the shell that asks it. */
export interface AddressedQuery {
  query: Query<unknown>;
  as: ShellUser;
}

/** What is known about one host. Stale as soon as a step has changed something. */
export class Answers {
  readonly #known = new Map<string, Answered<unknown>>();
  #age = 0;

  /** Another one since all was forgotten: what was asked before may have been answered before the change, and is no answer any more. */
  get age(): number {
    return this.#age;
  }

  get(question: AddressedQuery): Answered<unknown> | undefined {
    return this.#known.get(identify(question));
  }

  has(question: AddressedQuery): boolean {
    return this.#known.has(identify(question));
  }

  set(question: AddressedQuery, answer: Answered<unknown>): void {
    this.#known.set(identify(question), answer);
  }

  forgetAll(): void {
    this.#known.clear();
    this.#age += 1;
  }

  /** What others know. What they could not find out may be found out another time. */
  learn(others: Answers): void {
    for (const [identity, answer] of others.#known) if (answer.known) this.#known.set(identity, answer);
  }
}

/** The same question by the same user has the same identity, so that it is asked once. */
export function identify({ query, as }: AddressedQuery): string {
  return `${query.kind.name}\0${describeShellUser(as)}\0${query.kind.identify(query.key)}`;
}

export function describeShellUser(as: ShellUser): string {
  if (as.kind === "login") return "";
  const user = `${as.method}:${as.user}`;
  return as.flags === undefined ? user : `${user}:${as.flags.join(":")}`;
}
