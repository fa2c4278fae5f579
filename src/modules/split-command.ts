/**
 * Splits a command line into words: blanks separate, quotes hold together, a backslash takes the next character as it is. Nothing else has a meaning.
 *
 * @throws Error for a quote that is not closed.
 */
export function splitCommand(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (quote === "'") {
      if (character === "'") quote = "";
      else word = (word ?? "") + character;
    } else if (character === "\\" && index + 1 < text.length) {
      index += 1;
      word = (word ?? "") + (text[index] ?? "");
    } else if (quote === '"') {
      if (character === '"') quote = "";
      else word = (word ?? "") + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed in: ${text}`);
  if (word !== undefined) words.push(word);
  return words;
}
