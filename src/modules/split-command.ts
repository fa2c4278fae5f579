/**
 * Splits a command line into words: blanks separate, quotes hold together, a backslash takes the next character as it is (inside double quotes only
 * `"`, `\`, `$` and a backtick, as in a POSIX shell, 2.2.3). Nothing else has a meaning.
 *
 * @throws Error for a quote that is not closed.
 */
export function splitCommand(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    const next = text[index + 1];
    if (quote === "'") {
      if (character === "'") quote = "";
      else word += character;
    } else if (character === "\\" && next === "\n") {
      // The line goes on below.
      index += 1;
    } else if (character === "\\" && next !== undefined && (quote === "" || '"\\$`'.includes(next))) {
      index += 1;
      word = (word ?? "") + next;
    } else if (quote === '"') {
      if (character === '"') quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

/** What is wrong with a command line, or undefined when it can be split. */
export function commandFault(text: string): string | undefined {
  try {
    return splitCommand(text).length === 0 ? "must name a command" : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
