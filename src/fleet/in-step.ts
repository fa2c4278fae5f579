import { type Place, precedes } from "../converge/place.ts";
import { Positions } from "./positions.ts";

interface Waiting {
  place: Place;
  resume: () => void;
}

/**
 * `strategy: linear`: no host acts on a task before every other host of its batch has done with the tasks before it. Hosts that have nothing to do there don't
 * wait, so a run that changes nothing is as fast as with `strategy: free`.
 *
 * Nobody waits for ever: of all hosts, one that is furthest behind never waits.
 */
export class InStep {
  readonly #order: ReadonlyMap<string, number>;
  readonly #positions: Positions;
  /** Of the hosts that don't wait for the end of all. */
  readonly #going: Positions;
  readonly #leaving = new Map<string, PromiseWithResolvers<void>>();
  #waitingForTurn: Waiting[] = [];
  #waitingForEnd: Waiting[] = [];
  #lastTold: Place | undefined;

  constructor(hosts: readonly string[]) {
    this.#order = new Map(hosts.map((host, index) => [host, index]));
    this.#positions = new Positions(hosts);
    this.#going = new Positions(hosts);
  }

  /** The host has come to a place; it never goes back. */
  arrive(host: string, place: Place): void {
    if (this.#going.of(host) !== undefined) this.#going.set(host, place);
    this.#positions.set(host, place);
    this.#tellGone(host);
    this.#resume();
  }

  /** The host has come to its end: nobody waits for it any more. */
  leave(host: string): void {
    this.#going.delete(host);
    this.#positions.delete(host);
    this.#tellGone(host);
    this.#resume();
  }

  placeOf(host: string): Place {
    return this.#positions.of(host) ?? [];
  }

  /** Of the hosts that are where this one is, itself too, the first in order. */
  firstBeside(host: string): string {
    let first = host;
    for (const other of this.#positions.beside(host)) {
      if ((this.#order.get(other) ?? 0) < (this.#order.get(first) ?? 0)) first = other;
    }
    return first;
  }

  /** Resolves when a host is no longer where it is now. */
  gone(host: string): Promise<void> {
    if (this.#positions.of(host) === undefined) return Promise.resolve();
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
    const there = this.#positions.of(host);
    return there !== undefined && precedes(there, place);
  }

  /** Whether no other host is behind the place of this one. */
  isTurn(host: string): boolean {
    const place = this.#positions.of(host);
    return place === undefined || this.#mayAct(place);
  }

  #mayAct(place: Place): boolean {
    const { last } = this.#positions;
    return last === undefined || !precedes(last, place);
  }

  /** Resolves when no other host is behind the place of this one. */
  async turn(host: string): Promise<void> {
    if (this.isTurn(host)) return;
    await new Promise<void>((resume) => {
      this.#waitingForTurn.push({ place: this.placeOf(host), resume });
    });
  }

  /** For a host whose end is the end of all: resolves when every other one has done with the task at which this one ended, or has ended there too. */
  async doneByAll(host: string): Promise<void> {
    const place = this.placeOf(host);
    this.#going.delete(host);
    this.#resume();
    if (this.#isBehindAll(place)) return;
    await new Promise<void>((resume) => {
      this.#waitingForEnd.push({ place, resume });
    });
  }

  #isBehindAll(place: Place): boolean {
    const { last } = this.#going;
    return last === undefined || precedes(place, last);
  }

  /** The run is being stopped: those who wait go on, and find out by themselves. */
  releaseAll(): void {
    const hosts = this.#positions.hosts();
    this.#positions.clear();
    this.#going.clear();
    for (const host of hosts) this.#tellGone(host);
    this.#resume();
  }

  #resume(): void {
    this.#waitingForEnd = resumed(this.#waitingForEnd, (place) => this.#isBehindAll(place));
    // While the last ones are where they were, nobody's turn has come.
    const { last } = this.#positions;
    if (last !== undefined && last === this.#lastTold) return;
    this.#lastTold = last;
    this.#waitingForTurn = resumed(this.#waitingForTurn, (place) => this.#mayAct(place));
  }
}

/** Lets those go whose time has come. @returns those who still wait. */
function resumed(waiting: readonly Waiting[], isOver: (place: Place) => boolean): Waiting[] {
  return waiting.filter(({ place, resume }) => {
    if (!isOver(place)) return true;
    resume();
    return false;
  });
}
