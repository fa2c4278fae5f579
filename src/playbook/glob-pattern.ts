/** A pattern of a shell (`*`, `?`, `[abc]`, `[!abc]`) as a regular expression for all of a text, as Python's fnmatch reads it. */
export function globPattern(pattern: string): RegExp {
  let source = "";
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? "";
    const end = character === "[" ? pattern.indexOf("]", index + 2) : -1;
    if (character === "*") source += ".*";
    else if (character === "?") source += ".";
    else if (end !== -1) {
      const set = pattern.slice(index + 1, end).replace(/[\\\]^]/g, "\\$&");
      source += set.startsWith("!") ? `[^${set.slice(1)}]` : `[${set}]`;
      index = end;
    } else source += character.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  }
  try {
    return new RegExp(`^${source}$`, "s");
  } catch {
    // A set such as [z-a] means nothing.
    return /^(?!)$/;
  }
}
