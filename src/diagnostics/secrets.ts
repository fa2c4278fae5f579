/** What stands in output where a secret stood. */
export const REDACTED = "********";

/** Shorter values are not searched for: they would turn ordinary text into asterisks and hide nothing. */
const SHORTEST_SEARCHED = 4;

/**
 * The secrets of one run. Whoever learns of a secret (a vault, a parameter declared secret, a `no_log` task) adds it;
 * whoever shows text to a person, a log or a record passes it through `redact` first.
 */
export class Secrets {
  readonly #values = new Set<string>();
  #pattern: RegExp | undefined;

  /** Adds a value; of a value with several lines (a private key) each line is a secret of its own. */
  add(value: string): void {
    for (const part of [value, ...value.split(/\r?\n/)]) {
      const trimmed = part.trim();
      if (trimmed.length < SHORTEST_SEARCHED || isArmour(trimmed)) continue;
      for (const form of writtenForms(trimmed)) this.#values.add(form);
    }
    this.#pattern = undefined;
  }

  /** Whether any secret stands in the text. */
  appearsIn(text: string): boolean {
    return this.redact(text) !== text;
  }

  /** The text with every secret replaced by asterisks. */
  redact(text: string): string {
    if (this.#values.size === 0) return text;
    this.#pattern ??= searchPattern(this.#values);
    return text.replace(this.#pattern, REDACTED);
  }
}

/** `-----BEGIN …-----` lines say nothing secret and help people to see what was hidden. */
function isArmour(line: string): boolean {
  return /^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line);
}

/** A secret may be shown as it is, inside JSON, quoted for the shell, in base64 or in a URL. */
function writtenForms(value: string): string[] {
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    value.replaceAll("'", "'\\''"),
    Buffer.from(value).toString("base64"),
    encodeURIComponent(value),
  ];
}

function searchPattern(values: Set<string>): RegExp {
  const longestFirst = [...values].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escapeForPattern).join("|"), "g");
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
