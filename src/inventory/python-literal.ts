import type { Value } from "../variables/value.ts";

/** Python's own limit of brackets inside of brackets (MAXLEVEL of its tokenizer). */
const DEEPEST = 200;

const INTEGER =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?\d)*|0(?:_?0)*)(?![\w.])/y;
const FLOAT =
  /(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.)(?:[eE][+-]?\d(?:_?\d)*)?(?!\w)|\d(?:_?\d)*[eE][+-]?\d(?:_?\d)*(?!\w)/y;
const STRING_START = /([rRuUbB]{0,2})('''|"""|'|")/y;
const BLANK = /(?:[ \t\f]|#.*$)*/y;

/** Thrown inside the parser only: the text is no literal, and so it is text. */
class NoLiteral extends Error {}

/**
 * Reads text as Python's `ast.literal_eval` does, which is how Ansible types the values of an INI inventory: numbers, strings, True, False, None, lists,
 * tuples, dictionaries and sets (Python language reference, "Lexical analysis" and "Literals"). Tuples and sets become lists, keys become text, as in JSON.
 *
 * @returns undefined when it is no literal, or one that JSON has no value for.
 */
export function pythonLiteral(text: string): { value: Value } | undefined {
  try {
    return { value: new LiteralReader(text.replace(/^[ \t]+/, "")).whole() };
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

/** The number when it can be held exactly; otherwise its digits, so that none is lost. */
export function exactInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

class LiteralReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Value {
    const items = [this.#item()];
    let isTuple = false;
    while (this.#takes(",")) {
      isTuple = true;
      if (this.#isAtEnd()) break;
      items.push(this.#item());
    }
    if (!this.#isAtEnd()) throw new NoLiteral();
    return isTuple ? items : (items[0] ?? null);
  }

  #isAtEnd(): boolean {
    this.#match(BLANK);
    return this.#at >= this.#text.length;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#at = pattern.lastIndex;
    return found;
  }

  #takes(token: string): boolean {
    this.#match(BLANK);
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #item(): Value {
    this.#match(BLANK);
    const character = this.#text[this.#at] ?? "";
    if (character === "+" || character === "-") {
      this.#at += 1;
      return this.#signed(character);
    }
    if (character === "[") return this.#nested(() => this.#list("]"));
    if (character === "(") return this.#nested(() => this.#parenthesised());
    if (character === "{") return this.#nested(() => this.#braces());
    if (/[\d.]/.test(character)) return this.#number();
    const start = this.#match(STRING_START);
    if (start !== null) return this.#strings(start[1] ?? "", start[2] ?? "");
    const word = this.#match(/(?:True|False|None)(?!\w)|set\(\)/y)?.[0];
    if (word === undefined) throw new NoLiteral();
    if (word === "set()") return [];
    return word === "None" ? null : word === "True";
  }

  #signed(sign: string): Value {
    this.#match(BLANK);
    const isParenthesised = this.#text[this.#at] === "(";
    const value = isParenthesised ? this.#nested(() => this.#parenthesised()) : this.#number();
    if (typeof value === "number") return sign === "-" && value !== 0 ? -value : value;
    if (typeof value === "string" && !isParenthesised) return sign === "-" ? `-${value}` : value;
    throw new NoLiteral();
  }

  #number(): number | string {
    const integer = this.#match(INTEGER)?.[0];
    if (integer !== undefined) return exactInteger(BigInt(integer.replaceAll("_", "")));
    const float = this.#match(FLOAT)?.[0];
    const value = float === undefined ? Number.NaN : Number(float.replaceAll("_", ""));
    // An infinity has no place in JSON.
    if (!Number.isFinite(value)) throw new NoLiteral();
    return value;
  }

  #nested(read: () => Value): Value {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new NoLiteral();
    this.#at += 1;
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #list(close: string): Value[] {
    const items: Value[] = [];
    while (!this.#takes(close)) {
      items.push(this.#item());
      if (this.#takes(",")) continue;
      if (!this.#takes(close)) throw new NoLiteral();
      break;
    }
    return items;
  }

  #parenthesised(): Value {
    if (this.#takes(")")) return [];
    const first = this.#item();
    if (this.#takes(")")) return first;
    if (!this.#takes(",")) throw new NoLiteral();
    return [first, ...this.#list(")")];
  }

  #braces(): Value {
    if (this.#takes("}")) return {};
    const first = this.#item();
    if (!this.#takes(":")) {
      if (this.#takes("}")) return [first];
      if (!this.#takes(",")) throw new NoLiteral();
      return [first, ...this.#list("}")];
    }
    const entries: [string, Value][] = [[keyOf(first), this.#item()]];
    while (!this.#takes("}")) {
      if (!this.#takes(",")) throw new NoLiteral();
      if (this.#takes("}")) break;
      const key = keyOf(this.#item());
      if (!this.#takes(":")) throw new NoLiteral();
      entries.push([key, this.#item()]);
    }
    return Object.fromEntries(entries);
  }

  /** Strings beside each other are one. */
  #strings(prefix: string, quote: string): string {
    let text = "";
    let next: RegExpExecArray | null = null;
    const isBytes = /b/i.test(prefix);
    let [ownPrefix, ownQuote] = [prefix, quote];
    do {
      if (!/^(?:[rR]?[bB]?|[bB][rR]|[uU])$/.test(ownPrefix) || /b/i.test(ownPrefix) !== isBytes)
        throw new NoLiteral();
      text += this.#string(ownQuote, { isRaw: /r/i.test(ownPrefix), isBytes });
      this.#match(BLANK);
      next = this.#match(STRING_START);
      ownPrefix = next?.[1] ?? "";
      ownQuote = next?.[2] ?? "";
    } while (next !== null);
    return isBytes ? decoded(text) : text;
  }

  #string(quote: string, { isRaw, isBytes }: { isRaw: boolean; isBytes: boolean }): string {
    let text = "";
    while (!this.#text.startsWith(quote, this.#at)) {
      const character = this.#text[this.#at];
      if (character === undefined || (isBytes && character > "\x7f")) throw new NoLiteral();
      this.#at += 1;
      if (character !== "\\") text += character;
      else if (isRaw) {
        text += character + (this.#text[this.#at] ?? "");
        this.#at += 1;
      } else text += this.#escape(isBytes);
    }
    this.#at += quote.length;
    return text;
  }

  #escape(isBytes: boolean): string {
    const simple: Readonly<Record<string, string>> = {
      "\\": "\\",
      "'": "'",
      '"': '"',
      a: "\x07",
      b: "\b",
      f: "\f",
      n: "\n",
      r: "\r",
      t: "\t",
      v: "\v",
    };
    const octal = this.#match(/[0-7]{1,3}/y)?.[0];
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & (isBytes ? 0xff : 0x1ff));
    const character = this.#text[this.#at] ?? "";
    this.#at += 1;
    const known = simple[character];
    if (known !== undefined) return known;
    const digits = { x: 2, u: 4, U: 8 }[character];
    if (digits !== undefined && (character === "x" || !isBytes)) {
      const code = this.#match(new RegExp(`[0-9a-fA-F]{${digits}}`, "y"))?.[0];
      const point = code === undefined ? Number.POSITIVE_INFINITY : Number.parseInt(code, 16);
      if (point > 0x10ffff) throw new NoLiteral();
      return String.fromCodePoint(point);
    }
    // Names of characters are more than an inventory needs.
    if (character === "N" && !isBytes) throw new NoLiteral();
    return `\\${character}`;
  }
}

function decoded(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** A key as Python's json module writes it. */
function keyOf(value: Value): string {
  if (typeof value === "object" && value !== null) throw new NoLiteral();
  return String(value);
}
