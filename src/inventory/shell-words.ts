/**
 * Splits a line into words as Python's `shlex.split` does, which Ansible reads host lines with: blanks separate, quotes hold together, a backslash takes
 * the next character as it is.
 *
 * @param comments whether `#` begins a comment; in the midst of a word too, as it does there.
 * @throws Error for a quote or an escape that is not closed.
 */
export function shellWords(line: string, { comments }: { comments: boolean }): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < line.length; index++) {
    const character = line[index] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
      else if (character === "\\" && quote === '"') {
        index += 1;
        const next = line[index];
        if (next === undefined) throw new Error("there is nothing behind the backslash");
        // Inside double quotes a backslash stands for itself unless there is something to escape.
        word = `${word ?? ""}${next === '"' || next === "\\" ? "" : "\\"}${next}`;
      } else word = (word ?? "") + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === "\\") {
      index += 1;
      const next = line[index];
      if (next === undefined) throw new Error("there is nothing behind the backslash");
      word = (word ?? "") + next;
    } else if (comments && character === "#") break;
    else if (" \t\r\n".includes(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}
