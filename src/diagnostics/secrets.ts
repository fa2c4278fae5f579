import { writtenForms } from "./written-forms.ts";

/** What stands in output where a secret stood. */
export const REDACTED = "********";

/** Shorter values are not searched for inside of text: they would turn ordinary words into asterisks and hide nothing. */
const SHORTEST_SEARCHED = 4;

/**
 * The secrets of one run. Whoever learns of a secret (a vault, a parameter declared secret, a `no_log` task) adds it;
 * whoever shows text to a person, a log or a record passes it through `redact` first.
 */
export class Secrets {
  readonly #values = new Set<string>();
  readonly #forms = new Set<string>();
  readonly #short = new Set<string>();
  #pattern: RegExp | undefined;

  /** Adds a value; of a value with several lines (a private key) each line is a secret of its own. */
  add(value: string): void {
    if (this.#values.has(value)) return;
    this.#values.add(value);
    const trimmed = value.trim();
    if (trimmed !== "" && trimmed.length < SHORTEST_SEARCHED) this.#short.add(trimmed);
    for (const part of new Set([value, ...value.split(/\r?\n/)])) {
      const text = part.trim();
      if (text.length < SHORTEST_SEARCHED || isArmour(text)) continue;
      for (const form of writtenForms(text)) this.#forms.add(form);
    }
    this.#pattern = undefined;
  }

  get isEmpty(): boolean {
    return this.#forms.size === 0;
  }

  /** Whether any secret stands in the text. */
  appearsIn(text: string): boolean {
    return !this.isEmpty && text.search(this.#searched()) !== -1;
  }

  /** The text with every secret replaced by asterisks. */
  redact(text: string): string {
    return this.isEmpty ? text : text.replace(this.#searched(), REDACTED);
  }

  /** The same for a value that stands by itself: then even a secret of one letter is hidden. */
  redactWhole(text: string): string {
    return this.#short.has(text.trim()) ? REDACTED : this.redact(text);
  }

  #searched(): RegExp {
    this.#pattern ??= searchPattern(this.#forms);
    return this.#pattern;
  }
}

/** `-----BEGIN …-----` lines say nothing secret and help people to see what was hidden. */
function isArmour(line: string): boolean {
  return /^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line);
}

function searchPattern(values: Set<string>): RegExp {
  const longestFirst = [...values].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escapeForPattern).join("|"), "g");
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
