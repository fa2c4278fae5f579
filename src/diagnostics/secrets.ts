import { SHORTEST_SEARCHED, TextSearch } from "./text-search.ts";
import { writtenForms } from "./written-forms.ts";

/** What stands in output where a secret stood. */
export const REDACTED = "********";

/**
 * The secrets of one run. Whoever learns of a secret (a vault, a parameter declared secret, a `no_log` task) adds it;
 * whoever shows text to a person, a log or a record passes it through `redact` first.
 */
export class Secrets {
  readonly #values = new Set<string>();
  readonly #search = new TextSearch();
  /** Inside of text they would turn ordinary words into asterisks, and hide nothing. */
  readonly #short = new Set<string>();

  /** Adds a value; of a value with several lines (a private key) each line is a secret of its own. */
  add(value: string): void {
    if (this.#values.has(value)) return;
    this.#values.add(value);
    const trimmed = value.trim();
    if (trimmed !== "" && trimmed.length < SHORTEST_SEARCHED) this.#short.add(trimmed);
    for (const part of new Set([value, ...value.split(/\r?\n/)])) {
      const text = part.trim();
      if (text.length < SHORTEST_SEARCHED || isArmour(text)) continue;
      for (const form of writtenForms(text)) this.#search.add(form);
    }
  }

  get isEmpty(): boolean {
    return this.#search.isEmpty;
  }

  /** Whether any secret stands in the text. */
  appearsIn(text: string): boolean {
    return this.#search.appearsIn(text);
  }

  /** The secrets that stand in the text, as they are written there. */
  foundIn(text: string): string[] {
    return this.#search.foundIn(text);
  }

  /** The text with every secret replaced by asterisks. */
  redact(text: string): string {
    return this.#search.replaceIn(text, REDACTED);
  }

  /** The same for a value that stands by itself: then even a secret of one letter is hidden. */
  redactWhole(text: string): string {
    return this.#short.has(text.trim()) ? REDACTED : this.redact(text);
  }
}

/** `-----BEGIN …-----` lines say nothing secret and help people to see what was hidden. */
function isArmour(line: string): boolean {
  return /^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line);
}
