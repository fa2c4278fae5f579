/** A word of a text, with the place where it stands: `text.slice(start, end)`. */
export interface Word {
  text: string;
  start: number;
  end: number;
}

/** Blanks separate words, except inside quotes and inside `{{ … }}`. Quotes stay part of their word. */
export function splitWords(text: string): Word[] {
  const words: Word[] = [];
  let start: number | undefined;
  let quote = "";
  let braces = 0;
  const finish = (end: number): void => {
    if (start !== undefined) words.push({ text: text.slice(start, end), start, end });
    start = undefined;
  };
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    const pair = text.slice(index, index + 2);
    if (/\s/.test(character) && quote === "" && braces === 0) {
      finish(index);
      continue;
    }
    start ??= index;
    if (braces === 0 && character === "\\") index += 1;
    else if (quote !== "") quote = character === quote ? "" : quote;
    else if (pair === "{{") braces += 1;
    else if (pair === "}}" && braces > 0) braces -= 1;
    else if (braces === 0 && (character === '"' || character === "'")) quote = character;
    if (quote === "" && (pair === "{{" || pair === "}}")) index += 1;
  }
  finish(text.length);
  return words;
}

/** The word without the quotes that hold it together, if they do. */
export function unquoted(word: string): string {
  const [, , inner] = /^(['"])(.*)\1$/s.exec(word) ?? [];
  return inner ?? word;
}
