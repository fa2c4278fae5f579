import type { Value } from "../variables/value.ts";

/**
 * A value of an INI inventory, typed as Ansible types it: as a Python literal where it is one, otherwise text.
 */
export function iniValue(text: string): Value {
  const trimmed = text.trim();
  const literal = pythonLiteral(trimmed);
  return literal === undefined ? trimmed : literal;
}

function pythonLiteral(text: string): Value | undefined {
  if (/^[+-]?(0|[1-9][0-9_]*)$/.test(text)) return Number(text.replaceAll("_", ""));
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text, 16);
  if (/^0[oO][0-7]+$/.test(text)) return Number.parseInt(text.slice(2), 8);
  if (/^[+-]?(\d+\.\d*|\.\d+|\d+(\.\d*)?[eE][+-]?\d+)$/.test(text)) return Number(text);
  if (text === "True") return true;
  if (text === "False") return false;
  if (text === "None") return null;
  if (/^(['"])(?:(?!\1)[^\\]|\\.)*\1$/.test(text)) return unquote(text);
  if (/^[[{]/.test(text)) return container(text);
  return undefined;
}

function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(.)/g, (_, character: string) => ({ n: "\n", t: "\t" })[character] ?? character);
}

/** Lists and mappings: Python's notation, made JSON where that is sure. */
function container(text: string): Value | undefined {
  const json = text
    .replace(/'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner.replaceAll("\\'", "'")))
    .replace(/\bTrue\b/g, "true")
    .replace(/\bFalse\b/g, "false")
    .replace(/\bNone\b/g, "null")
    .replace(/,\s*([\]}])/g, "$1");
  try {
    return JSON.parse(json) as Value;
  } catch {
    // Not a Python literal after all: Ansible takes it for text then, and so do we.
    return undefined;
  }
}

/**
 * Splits a host line as a shell would: blanks separate, quotes hold together, `#` begins a comment.
 *
 * @throws Error for a quote that is not closed.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < line.length; index++) {
    const character = line[index] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
      else if (character === "\\" && quote === '"' && '"\\'.includes(line[index + 1] ?? " ")) {
        index += 1;
        word = (word ?? "") + (line[index] ?? "");
      } else word = (word ?? "") + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === "#" && word === undefined) break;
    else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}
