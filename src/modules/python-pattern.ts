/**
 * Regular expressions as Ansible's users write them. They are JavaScript's here; what Python writes differently and means the same is translated:
 * `(?P<name>…)`, `(?P=name)`, `\A`, `\Z`, and flags at the beginning, as in `(?i)`.
 *
 * @param flags JavaScript's, besides those at the beginning of the pattern.
 * @throws SyntaxError
 */
export function pythonPattern(text: string, flags = ""): RegExp {
  const [, inline = "", rest = ""] = /^(?:\(\?([aimsux]+)\))?([\s\S]*)$/.exec(text) ?? [];
  const source = rest
    .replaceAll("(?P<", "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replace(/(?<!\\)((?:\\\\)*)\\A/g, "$1(?<![\\s\\S])")
    .replace(/(?<!\\)((?:\\\\)*)\\Z/g, "$1(?![\\s\\S])");
  return new RegExp(source, [...new Set([...flags, ...inline.replace(/[aux]/g, "")])].join(""));
}

export function isPattern(text: string): boolean {
  try {
    return pythonPattern(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/**
 * What a match becomes: `\1`, `\g<1>` and `\g<name>` are its groups, `\n`, `\t` and `\\` what they say. A group that did not take part is empty.
 *
 * @throws RangeError for a group that the pattern has not.
 */
export function expandReplacement(replacement: string, match: RegExpExecArray | RegExpMatchArray): string {
  return replacement.replace(
    /\\(?:g<(\w+)>|(\d{1,2})|([\s\S]))/g,
    (written, named?: string, number?: string, character?: string) => {
      if (character !== undefined) return ESCAPES[character] ?? written;
      const key = named ?? number ?? "";
      if (/^\d+$/.test(key)) {
        if (Number(key) >= match.length) throw new RangeError(`the pattern has no group ${key}`);
        return match[Number(key)] ?? "";
      }
      if (match.groups === undefined || !Object.hasOwn(match.groups, key))
        throw new RangeError(`the pattern has no group named ${key}`);
      return match.groups[key] ?? "";
    },
  );
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\" };
