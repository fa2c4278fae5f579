import {
  type Diagnostic,
  DiagnosticsError,
  inputError,
  type SourceRange,
} from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { describeValue } from "./describe-value.ts";
import { booleanOf, flagOf } from "./flag.ts";
import { isReserved, reservedName } from "./reserved-name.ts";
import { badVariableName, isVariableName } from "./variable-name.ts";

/**
 * The keys of a play, block, task or role as they stand in the file. Readers note what is wrong, and where, and give undefined then: the rest of the
 * file is read on, so that everything that is wrong is told at once.
 */
export class Entries {
  readonly at: SourceRange;
  readonly problems: Diagnostic[];
  readonly #entries: ReadonlyMap<string, TemplatedEntry>;

  /** @throws DiagnosticsError when it is no mapping */
  constructor(value: Templated, what: string, fallback: SourceRange, problems: Diagnostic[]) {
    this.problems = problems;
    this.at = value.at ?? fallback;
    if (value.kind !== "map") {
      throw inputError("wrong-type", `${what} must be a mapping, not ${describeTemplated(value)}`, {
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

  /** What stands behind a key; undefined where there is no key, or nothing behind it. */
  value(key: string): Templated | undefined {
    const value = this.#entries.get(key)?.value;
    return value?.kind === "literal" && value.value === null ? undefined : value;
  }

  /** The same for a key that says something only with a value. */
  filled(key: string): Templated | undefined {
    if (this.#entries.has(key) && this.value(key) === undefined)
      this.note({
        code: "wrong-type",
        message: `nothing stands behind \`${key}\``,
        at: this.keyPosition(key),
      });
    return this.value(key);
  }

  /** Notes something that is wrong. */
  note(problem: Omit<Diagnostic, "severity">): void {
    this.problems.push({ severity: "error", ...problem });
  }

  /** Reads something with a function that throws what is wrong. */
  collect<Type>(read: () => Type): Type | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      this.problems.push(...error.diagnostics);
      return undefined;
    }
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
    return this.wrong(key, "text, without templates");
  }

  /** Text for people, with templates as they are written. */
  label(key: string): string | undefined {
    const value = this.value(key);
    return value?.kind === "text" ? value.template.source : this.text(key);
  }

  /** Text, or a template that gives some: a mapping or a list can't be meant. */
  wording(key: string): Templated | undefined {
    const value = this.value(key);
    if (value === undefined || isWording(value)) return value;
    return this.wrong(key, "text");
  }

  /** Texts, or templates that give some: a list, or one alone. */
  wordings(key: string): readonly Templated[] {
    return this.#each(key, isWording, "text, or a list of texts");
  }

  /** Names, or templates that give some: a list, or one alone. A number is none. */
  names(key: string, expected = "a name, or a list of names"): readonly Templated[] {
    return this.#each(key, isName, expected);
  }

  #each(key: string, isRight: (item: Templated) => boolean, expected: string): readonly Templated[] {
    const items = this.list(key);
    for (const item of items.filter((one) => !isRight(one))) this.wrong(key, expected, item);
    return items.every(isRight) ? items : [];
  }

  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const literal = booleanOf(literalOf(value));
    if (literal !== undefined) return literal;
    return this.wrong(key, "true or false");
  }

  /** True or false, or a template that gives one of them. */
  flag(key: string): Templated | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    return flagOf(key, value) ?? this.wrong(key, "true or false");
  }

  number(key: string): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const literal = literalOf(value);
    if (typeof literal === "number" && literal >= 0) return literal;
    return this.wrong(key, "a number, not below 0");
  }

  /** A number, or a template that gives one. */
  amount(key: string): Templated | undefined {
    const value = this.value(key);
    if (value !== undefined && (value.kind === "text" || value.kind === "expression")) return value;
    const number = this.number(key);
    return number === undefined ? undefined : { kind: "literal", value: number, at: this.positionOf(key) };
  }

  /** The same for what is counted. */
  count(key: string): Templated | undefined {
    const amount = this.amount(key);
    return amount?.kind === "literal" && !Number.isInteger(amount.value)
      ? this.wrong(key, "a whole number")
      : amount;
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
      if (typeof literal !== "string" && typeof literal !== "number") {
        this.wrong(key, "words, without templates");
        return [];
      }
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
    if (value.kind !== "map") {
      this.wrong(key, "a mapping of names to values");
      return new Map();
    }
    for (const entry of value.entries) {
      const at = entry.keyAt ?? this.positionOf(key);
      if (!isVariableName(entry.key)) this.note(badVariableName(entry.key, at));
      else if (isReserved(entry.key)) this.problems.push(reservedName(entry.key, at));
    }
    return new Map(
      value.entries.map((entry) => [
        entry.key,
        { value: entry.value, ...(entry.keyAt === undefined ? {} : { at: entry.keyAt }) },
      ]),
    );
  }

  /** Complains of keys that nothing knows. */
  knows(known: readonly string[], what: string): void {
    for (const key of this.keys.filter((one) => !known.includes(one))) {
      const meant = didYouMean(key, known);
      this.note({
        code: "unknown-key",
        message: `${what} has no key \`${key}\``,
        at: this.keyPosition(key),
        ...(meant === undefined ? { expected: known.join(", ") } : { hint: `did you mean \`${meant}\`?` }),
      });
    }
  }

  /** Notes a word that is none of those that its key takes. */
  wrongChoice(key: string, choices: readonly string[], expected = `one of ${choices.join(", ")}`): undefined {
    const value = this.value(key);
    const literal = value === undefined ? undefined : literalOf(value);
    const meant = typeof literal === "string" ? didYouMean(literal, choices) : undefined;
    if (meant === undefined) return this.wrong(key, expected);
    this.note({
      code: "wrong-type",
      message: `\`${key}\` can't be \`${String(literal)}\``,
      at: this.positionOf(key),
      expected,
      hint: `did you mean \`${meant}\`?`,
    });
    return undefined;
  }

  /**
   * Notes a value that is not what its key needs.
   *
   * @param value of a list, the one that is wrong
   */
  wrong(key: string, expected: string, value: Templated | undefined = this.value(key)): undefined {
    const actual = value === undefined ? "nothing" : describeTemplated(value);
    this.note({
      code: "wrong-type",
      message: `\`${key}\` must be ${expected}; this is ${actual}`,
      at: value?.at ?? this.positionOf(key),
      ...(value?.kind === "literal" && typeof value.value === "boolean" && expected.includes("text")
        ? { hint: "put it in quotes" }
        : {}),
    });
    return undefined;
  }
}

/** Text, a number, or a template. What YAML takes for true or false is a word that needs quotes. */
function isWording(value: Templated): boolean {
  if (value.kind === "literal") return ["string", "number"].includes(typeof value.value);
  return value.kind === "text" || value.kind === "expression";
}

/** The same without numbers. */
export function isName(value: Templated): boolean {
  return isWording(value) && typeof literalOf(value) !== "number";
}

/** A value that is not evaluated yet, for a sentence. */
export function describeTemplated(value: Templated): string {
  switch (value.kind) {
    case "literal":
      return describeValue(value.value);
    case "text":
      return "a template";
    case "expression":
      return "an expression";
    case "list":
      return "a list";
    case "map":
      return "a mapping";
  }
}
