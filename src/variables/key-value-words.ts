/**
 * Splits `key=value key2="a b"` as Ansible does for `-e` (its parsing/splitter.py): blanks separate, unless they stand in quotes or between the braces of
 * a template. Quotes stay.
 *
 * @throws Error for quotes or braces that are not closed.
 */
export function keyValueWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  let braces = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    const two = text.slice(index, index + 2);
    // Behind a backslash a quote is a character like any other, inside of quotes and outside.
    if (character === "\\" && /['"]/.test(text[index + 1] ?? "")) word += text[index++];
    else if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === "'" || character === '"') quote = character;
    else if (two === "{{" || two === "}}") {
      braces += two === "{{" ? 1 : -1;
      word += character;
      index += 1;
    } else if (/\s/.test(character) && braces === 0) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += text[index];
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed`);
  if (braces !== 0) throw new Error("the braces of a template are not closed");
  if (word !== "") words.push(word);
  // A backslash by itself continues the line.
  return words.filter((one) => one !== "\\");
}

/**
 * A word as a name and its value, without the quotes around the value and with escapes (`\\n`, `\\x41`, `\\u00e9`) resolved.
 *
 * @returns undefined for a word without an equals sign behind a name.
 */
export function keyAndValue(word: string): { key: string; value: string } | undefined {
  const resolved = word.replace(
    /\\(?:U([0-9a-fA-F]{8})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\\'"abfnrtv]))/g,
    (whole, long?: string, short?: string, byte?: string, letter?: string) => {
      const point = Number.parseInt(long ?? short ?? byte ?? "", 16);
      if (Number.isNaN(point)) return LETTERS[letter ?? ""] ?? whole;
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    },
  );
  const parts = /^(.(?:[^=]|(?<=\\)=)*?)(?<!\\)=(.*)$/s.exec(resolved);
  if (parts === null) return undefined;
  const [, key = "", rest = ""] = parts;
  const value = rest.trim();
  const quote = value[0] ?? "";
  const isQuoted = value.length > 1 && /['"]/.test(quote) && value.endsWith(quote) && value.at(-2) !== "\\";
  return { key: key.trim(), value: isQuoted ? value.slice(1, -1) : value };
}

const LETTERS: Readonly<Record<string, string>> = {
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
