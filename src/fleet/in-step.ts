import { type Place, precedes } from "../converge/place.ts";

interface Waiting {
  isOver(): boolean;
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
  readonly #leaving = new Map<string, PromiseWithResolvers<void>>();
  readonly #ending = new Set<string>();
  #waiting: Waiting[] = [];

  constructor(hosts: readonly string[]) {
    this.#places = new Map(hosts.map((host) => [host, []]));
  }

  /** The host has come to a place; it never goes back. */
  arrive(host: string, place: Place): void {
    this.#places.set(host, place);
    this.#tellGone(host);
    this.#resume();
  }

  /** The host has come to its end: nobody waits for it any more. */
  leave(host: string): void {
    this.#places.delete(host);
    this.#tellGone(host);
    this.#resume();
  }

  placeOf(host: string): Place {
    return this.#places.get(host) ?? [];
  }

  /** Of the hosts that are where this one is, itself too, the first in order. */
  firstBeside(host: string): string {
    const place = this.#places.get(host);
    for (const [other, there] of this.#places) {
      if (place !== undefined && !precedes(there, place) && !precedes(place, there)) return other;
    }
    return host;
  }

  /** Resolves when a host is no longer where it is now. */
  gone(host: string): Promise<void> {
    if (!this.#places.has(host)) return Promise.resolve();
    const leaving = this.#leaving.get(host) ?? Promise.withResolvers<void>();
    this.#leaving.set(host, leaving);
    return leaving.promise;
  }

  #tellGone(host: string): void {
    this.#leaving.get(host)?.resolve();
    this.#leaving.delete(host);
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
  turn(host: string): Promise<void> {
    return this.#until(() => this.isTurn(host));
  }

  /** For a host whose end is the end of all: resolves when every other one has done with the task at which this one ended, or has ended there too. */
  doneByAll(host: string): Promise<void> {
    this.#ending.add(host);
    const place = this.placeOf(host);
    this.#resume();
    return this.#until(() =>
      [...this.#places].every(([other, there]) => this.#ending.has(other) || precedes(place, there)),
    );
  }

  async #until(isOver: () => boolean): Promise<void> {
    if (isOver()) return;
    await new Promise<void>((resume) => {
      this.#waiting.push({ isOver, resume });
    });
  }

  /** The run is being stopped: those who wait go on, and find out by themselves. */
  releaseAll(): void {
    const hosts = [...this.#places.keys()];
    this.#places.clear();
    for (const host of hosts) this.#tellGone(host);
    this.#resume();
  }

  #resume(): void {
    const still: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (waiting.isOver()) waiting.resume();
      else still.push(waiting);
    }
    this.#waiting = still;
  }
}
