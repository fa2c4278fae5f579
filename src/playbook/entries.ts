import {
  type Diagnostic,
  type DiagnosticsError,
  inputError,
  type SourceRange,
} from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";

/** The keys of a play, block, task or role as they stand in the file, with readers that say what is wrong and where. */
export class Entries {
  readonly at: SourceRange;
  readonly #entries: ReadonlyMap<string, TemplatedEntry>;

  constructor(value: Templated, what: string, fallback: SourceRange) {
    this.at = value.at ?? fallback;
    if (value.kind !== "map") {
      throw inputError("wrong-type", `${what} must be a mapping`, {
        at: this.at,
        expected: "keys and values, such as `name: …`",
      });
    }
    this.#entries = new Map(value.entries.map((entry) => [entry.key, entry]));
  }

  get keys(): string[] {
    return [...this.#entries.keys()];
  }

  entry(key: string): TemplatedEntry | undefined {
    return this.#entries.get(key);
  }

  value(key: string): Templated | undefined {
    const value = this.#entries.get(key)?.value;
    return value?.kind === "literal" && value.value === null ? undefined : value;
  }

  positionOf(key: string): SourceRange {
    const entry = this.#entries.get(key);
    return entry?.value.at ?? entry?.keyAt ?? this.at;
  }

  keyPosition(key: string): SourceRange {
    return this.#entries.get(key)?.keyAt ?? this.at;
  }

  /** Text without templates. */
  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const literal = literalOf(value);
    if (typeof literal === "string" || typeof literal === "number") return String(literal);
    throw this.#wrong(key, "text, without templates");
  }

  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const literal = literalOf(value);
    if (typeof literal === "boolean") return literal;
    throw this.#wrong(key, "true or false");
  }

  number(key: string): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const literal = literalOf(value);
    if (typeof literal === "number") return literal;
    throw this.#wrong(key, "a number");
  }

  /** A list; one thing counts as a list of one. */
  list(key: string): readonly Templated[] {
    const value = this.value(key);
    if (value === undefined) return [];
    return value.kind === "list" ? value.items : [value];
  }

  /** Words: a list, or text with commas. */
  words(key: string): string[] {
    return this.list(key).flatMap((item) => {
      const literal = literalOf(item);
      if (typeof literal !== "string" && typeof literal !== "number")
        throw this.#wrong(key, "words, without templates");
      return String(literal)
        .split(",")
        .map((word) => word.trim())
        .filter(Boolean);
    });
  }

  /** `vars:` and the like: a mapping of variables. */
  variables(key: string): ReadonlyMap<string, SourcedVariable> {
    const value = this.value(key);
    if (value === undefined) return new Map();
    if (value.kind !== "map") throw this.#wrong(key, "a mapping of names to values");
    return new Map(
      value.entries.map((entry) => [
        entry.key,
        { value: entry.value, ...(entry.keyAt === undefined ? {} : { at: entry.keyAt }) },
      ]),
    );
  }

  /** Complains of keys that nothing knows. */
  unknownKeys(known: readonly string[], what: string): Diagnostic[] {
    return this.keys
      .filter((key) => !known.includes(key))
      .map((key) => {
        const meant = didYouMean(key, known);
        return {
          severity: "error",
          code: "unknown-key",
          message: `${what} has no keyword \`${key}\``,
          at: this.keyPosition(key),
          ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
        };
      });
  }

  #wrong(key: string, expected: string): DiagnosticsError {
    return inputError("wrong-type", `\`${key}\` is not what it should be`, {
      at: this.positionOf(key),
      expected,
    });
  }
}
