import { inputError } from "../diagnostics/diagnostic.ts";

/** A shell pattern (`*`, `?`, `[abc]`, `[a-c]`, `[!abc]`) as a regular expression that takes the whole name (Python's fnmatch). */
export function globExpression(pattern: string): RegExp {
  let expression = "";
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? "";
    if (character === "*") expression += ".*";
    else if (character === "?") expression += ".";
    else if (character === "[") {
      const end = classEnd(pattern, index);
      if (end === -1) expression += "\\[";
      else {
        expression += characterClass(pattern.slice(index + 1, end));
        index = end;
      }
    } else expression += character.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  }
  return new RegExp(`^(?:${expression})$`, "su");
}

/** A bracket right behind the opening one, or behind its `!`, is a character like any other. */
function classEnd(pattern: string, open: number): number {
  const from = open + (pattern[open + 1] === "!" ? 2 : 1);
  return pattern.indexOf("]", pattern[from] === "]" ? from + 1 : from);
}

function characterClass(inner: string): string {
  const isNegated = inner.startsWith("!");
  const characters = [...(isNegated ? inner.slice(1) : inner)];
  let items = "";
  for (let index = 0; index < characters.length; index++) {
    const from = characters[index] ?? "";
    const to = characters[index + 2];
    if (characters[index + 1] === "-" && to !== undefined) {
      // A range from high to low has nothing in it.
      if (from <= to) items += `${literal(from)}-${literal(to)}`;
      index += 2;
    } else items += literal(from);
  }
  if (items === "") return isNegated ? "." : "(?!)";
  return `[${isNegated ? "^" : ""}${items}]`;
}

function literal(character: string): string {
  return character.replace(/[\\\]^[-]/, "\\$&");
}

/**
 * `~REGEX`: matches from the start of a name. Python's spellings that JavaScript lacks are translated.
 *
 * @throws DiagnosticsError pattern-syntax
 */
export function regularExpression(pattern: string): RegExp {
  const [, ignoreCase, written = ""] = /^~(\(\?i\))?(.*)$/s.exec(pattern) ?? [];
  const expression = written.replaceAll("(?P<", "(?<").replaceAll("\\A", "^").replaceAll("\\Z", "$");
  if (expression === "")
    throw inputError("pattern-syntax", `there is no regular expression behind \`${pattern}\``);
  try {
    return new RegExp(`^(?:${expression})`, ignoreCase === undefined ? "" : "i");
  } catch (error) {
    throw inputError(
      "pattern-syntax",
      `\`${pattern}\` is no regular expression: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
