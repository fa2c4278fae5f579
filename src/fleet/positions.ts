import { type Place, precedes } from "../converge/place.ts";

interface Standing {
  place: Place;
  hosts: Set<string>;
}

/**
 * Where hosts are in a play. Of thousands of hosts only few places are different, so they are kept by place, in order: who is last is known without looking at all.
 */
export class Positions {
  readonly #standings: Standing[] = [];
  readonly #byHost = new Map<string, Standing>();

  constructor(hosts: readonly string[]) {
    for (const host of hosts) this.set(host, []);
  }

  set(host: string, place: Place): void {
    const before = this.#byHost.get(host);
    if (before !== undefined && isSame(before.place, place)) return;
    this.delete(host);
    const index = this.#indexOf(place);
    let standing = this.#standings[index];
    if (standing === undefined || !isSame(standing.place, place)) {
      standing = { place, hosts: new Set() };
      this.#standings.splice(index, 0, standing);
    }
    standing.hosts.add(host);
    this.#byHost.set(host, standing);
  }

  delete(host: string): void {
    const standing = this.#byHost.get(host);
    if (standing === undefined) return;
    this.#byHost.delete(host);
    standing.hosts.delete(host);
    if (standing.hosts.size === 0) this.#standings.splice(this.#standings.indexOf(standing), 1);
  }

  clear(): void {
    this.#byHost.clear();
    this.#standings.length = 0;
  }

  /** Undefined for a host that has left. */
  of(host: string): Place | undefined {
    return this.#byHost.get(host)?.place;
  }

  /** The place of those that are furthest behind; undefined when nobody is left. */
  get last(): Place | undefined {
    return this.#standings[0]?.place;
  }

  /** The hosts at the place of this one, itself too. */
  beside(host: string): ReadonlySet<string> {
    return this.#byHost.get(host)?.hosts ?? new Set([host]);
  }

  hosts(): string[] {
    return [...this.#byHost.keys()];
  }

  /** Of the places in order, the first one that is not before this one. */
  #indexOf(place: Place): number {
    let [low, high] = [0, this.#standings.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (precedes(this.#standings[middle]?.place ?? [], place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.length === other.length && one.every((number, index) => number === other[index]);
}
