/** What the parser of CEL calls the parts of an expression. */
const TOKENS: Readonly<Record<string, string>> = {
  EOF: "the end",
  NUMBER: "a number",
  STRING: "a text in quotes",
  BYTES: "a text in quotes",
  BOOLEAN: "`true` or `false`",
  NULL: "`null`",
  IDENTIFIER: "a name",
  PLUS: "`+`",
  MINUS: "`-`",
  MULTIPLY: "`*`",
  DIVIDE: "`/`",
  MODULO: "`%`",
  EQ: "`==`",
  NE: "`!=`",
  LT: "`<`",
  LE: "`<=`",
  GT: "`>`",
  GE: "`>=`",
  AND: "`and`",
  OR: "`or`",
  NOT: "`not`",
  IN: "`in`",
  LPAREN: "`(`",
  RPAREN: "`)`",
  LBRACKET: "`[`",
  RBRACKET: "`]`",
  LBRACE: "`{`",
  RBRACE: "`}`",
  DOT: "`.`",
  COMMA: "`,`",
  COLON: "`:`",
  QUESTION: "`?`",
};

const token = (name: string): string => TOKENS[name] ?? name;

/** What the parser of CEL says of an expression that it can't read, in the words of whoever wrote it. */
export function syntaxInWords(message: string): string {
  const [, expected, got] = /^Expected (\w+), got (\w+)/.exec(message) ?? [];
  if (expected !== undefined && got !== undefined)
    return `${token(expected)} must stand where ${got === "EOF" ? "it ends" : `${token(got)} is`}`;
  const [, unexpected] = /^Unexpected token: (\w+)/.exec(message) ?? [];
  if (unexpected === "EOF") return "it ends where something must follow";
  if (unexpected !== undefined) return `${token(unexpected)} can't stand there`;
  const [, character] = /^Unexpected character: '?(.)'?$/su.exec(message) ?? [];
  if (character !== undefined) return `${shown(character)} can't stand there`;
  const [, word] = /^Reserved identifier: (\w+)/.exec(message) ?? [];
  if (word !== undefined) return `\`${word}\` is a word of the language, and no name`;
  if (/^Unterminated/.test(message)) return "a quote is not closed";
  return message.charAt(0).toLowerCase() + message.slice(1);
}

const shown = (character: string): string =>
  /\p{Cc}/u.test(character)
    ? `the character U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`
    : `\`${character}\``;
