import { type Place, precedes } from "../converge/place.ts";

interface Waiting {
  host: string;
  resume: () => void;
}

/**
 * `strategy: linear`: no host acts on a task before every other host of its batch has done with the tasks before it. Hosts that have nothing to do there don't
 * wait, so a run that changes nothing is as fast as with `strategy: free`.
 *
 * Nobody waits for ever: of all hosts, one that is furthest behind never waits.
 */
export class InStep {
  readonly #places: Map<string, Place>;
  #waiting: Waiting[] = [];

  constructor(hosts: readonly string[]) {
    this.#places = new Map(hosts.map((host) => [host, []]));
  }

  /** The host has come to a place; it never goes back. */
  arrive(host: string, place: Place): void {
    this.#places.set(host, place);
    this.#resume();
  }

  /** The host has come to its end: nobody waits for it any more. */
  leave(host: string): void {
    this.#places.delete(host);
    this.#resume();
  }

  placeOf(host: string): Place {
    return this.#places.get(host) ?? [];
  }

  /** Whether a host has not come as far as a place yet. */
  isBehind(host: string, place: Place): boolean {
    const there = this.#places.get(host);
    return there !== undefined && precedes(there, place);
  }

  /** Whether no other host is behind the place of this one. */
  isTurn(host: string): boolean {
    const place = this.#places.get(host);
    if (place === undefined) return true;
    for (const [other, there] of this.#places) {
      if (other !== host && precedes(there, place)) return false;
    }
    return true;
  }

  /** Resolves when no other host is behind the place of this one. */
  async turn(host: string): Promise<void> {
    if (this.isTurn(host)) return;
    await new Promise<void>((resume) => {
      this.#waiting.push({ host, resume });
    });
  }

  /** The run is being stopped: those who wait go on, and find out by themselves. */
  releaseAll(): void {
    this.#places.clear();
    this.#resume();
  }

  #resume(): void {
    const still: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (this.isTurn(waiting.host)) waiting.resume();
      else still.push(waiting);
    }
    this.#waiting = still;
  }
}
