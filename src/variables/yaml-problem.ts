import { type Document, isScalar, visit, type YAMLError } from "yaml";

/** What is wrong in a text that is no YAML, from where to where, and what to do. */
export interface YamlProblem {
  message: string;
  extent: readonly [number, number];
  hint?: string;
}

/** Says what an error of the reader (yaml 2.9) means to who wrote the text, where that person has to look. */
export function yamlProblem(error: YAMLError, document: Document, text: string): YamlProblem {
  const [start, end] = error.pos;
  if (error.code === "MULTIPLE_DOCS")
    return {
      message: "this file holds several documents, one behind another `---`",
      extent: [start, end],
      hint: "put each of them into a file of its own",
    };
  const opened = isUnclosedQuote(error) ? quoteThatEndsAt(document, start) : undefined;
  if (opened !== undefined)
    return {
      message: "this is not valid YAML: the quote that is opened here is never closed",
      extent: [opened, opened + 1],
      hint: 'write it once more where the text ends; in "…" a quote that is meant is written \\", and in \'…\' it is doubled',
    };
  // What is told begins with the blanks before it.
  const isIndented = /without - indicator/.test(error.message);
  const from = isIndented ? start + (/^ */.exec(text.slice(start))?.[0].length ?? 0) : start;
  const hint = hintFor(error.message, text, from);
  return {
    message: `this is not valid YAML: ${error.message}`,
    extent: [from, Math.max(end, from + 1)],
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Behind it everything is taken for text, and what is said of that means nothing. */
export function isUnclosedQuote(error: YAMLError): boolean {
  return error.code === "MISSING_CHAR" && error.message.endsWith("quote");
}

function quoteThatEndsAt(document: Document, offset: number): number | undefined {
  let found: number | undefined;
  visit(document, (_key, node) => {
    if (!isScalar(node) || node.type?.startsWith("QUOTE") !== true || node.range?.[1] !== offset)
      return undefined;
    found = node.range[0];
    return visit.BREAK;
  });
  return found;
}

function hintFor(message: string, text: string, offset: number): string | undefined {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const lineEnd = text.indexOf("\n", offset);
  const line = text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
  if (/:\s*\{\{/.test(line)) return 'a value that starts with `{{` must be in quotes: "{{ name }}"';
  if (/tab/i.test(message) || line.includes("\t")) return "YAML is indented with spaces, never with tabs";
  if (/unique/i.test(message)) return "a key may stand once in a mapping; the second one would silently win";
  if (/without - indicator|same column/.test(message))
    return "this line starts in another column than those that it belongs to";
  if (/nested mapping|compact mapping|implicit key/i.test(message))
    return /:\s/.test(line.slice(offset - lineStart))
      ? "text with a colon and a blank in it must be in quotes"
      : "does the next line start too far to the right? A key is followed by a colon and a blank";
  if (/^Plain value cannot start/.test(message)) return "a value that starts with this must be in quotes";
  if (/^Flow (map|sequence) in block/.test(message))
    return "a `{` or `[` above has no end, or its end is not indented";
  return undefined;
}
