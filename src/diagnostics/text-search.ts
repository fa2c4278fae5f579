/** Texts are told apart by as many characters first: nothing shorter can be searched for. */
export const SHORTEST_SEARCHED = 4;

/**
 * Finds any of many texts in another, in one pass over it: how many are searched for does not matter, and adding one costs nothing. (A regular
 * expression with thousands of alternatives has to be compiled anew for each, and V8 refuses the largest.)
 */
export class TextSearch {
  readonly #wanted = new Set<string>();
  /** By their first characters (as `startAt` counts them), longest first. */
  readonly #byStart = new Map<number, string[]>();
  /** Which pairs of characters a wanted text starts with (their low bytes): nearly every place is passed by with one look. */
  readonly #pairs = new Uint8Array(1 << 16);

  get isEmpty(): boolean {
    return this.#wanted.size === 0;
  }

  /** @param text at least SHORTEST_SEARCHED long; what is shorter is not searched for. */
  add(text: string): void {
    if (text.length < SHORTEST_SEARCHED || this.#wanted.has(text)) return;
    this.#wanted.add(text);
    this.#pairs[pairAt(text, 0)] = 1;
    const start = startAt(text, 0);
    const others = this.#byStart.get(start);
    if (others === undefined) this.#byStart.set(start, [text]);
    else {
      const shorter = others.findIndex((other) => other.length < text.length);
      others.splice(shorter === -1 ? others.length : shorter, 0, text);
    }
  }

  appearsIn(text: string): boolean {
    return !this.isEmpty && this.#next(text, 0) !== undefined;
  }

  /** What stands in the text of what is searched for, each once. */
  foundIn(text: string): string[] {
    const found = new Set<string>();
    if (this.isEmpty) return [];
    for (let next = this.#next(text, 0); next !== undefined; next = this.#next(text, next.at + 1))
      found.add(text.slice(next.at, next.at + next.length));
    return [...found];
  }

  /** The text with everything that was found replaced; of several that start at the same place the longest is. */
  replaceIn(text: string, by: string): string {
    if (this.isEmpty) return text;
    let result = "";
    let done = 0;
    for (let found = this.#next(text, 0); found !== undefined; found = this.#next(text, done)) {
      result += text.slice(done, found.at) + by;
      done = found.at + found.length;
    }
    return done === 0 ? text : result + text.slice(done);
  }

  #next(text: string, from: number): { at: number; length: number } | undefined {
    for (let at = from; at <= text.length - SHORTEST_SEARCHED; at++) {
      if (this.#pairs[pairAt(text, at)] === 0) continue;
      const length = this.#lengthAt(text, at);
      if (length !== undefined) return { at, length };
    }
    return undefined;
  }

  /** A method of its own: a function that is given `at` would have V8 make something new for every character that is passed by. */
  #lengthAt(text: string, at: number): number | undefined {
    return this.#byStart.get(startAt(text, at))?.find((wanted) => text.startsWith(wanted, at))?.length;
  }
}

/** The first SHORTEST_SEARCHED characters (their low bits) as a number, which is made without a piece of text for each place that is looked at. */
function startAt(text: string, at: number): number {
  return (pairAt(text, at) << 14) | (pairAt(text, at + 2) & 0x3fff);
}

function pairAt(text: string, at: number): number {
  return ((text.charCodeAt(at) & 0xff) << 8) | (text.charCodeAt(at + 1) & 0xff);
}
