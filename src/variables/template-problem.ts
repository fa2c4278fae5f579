/** What Handlebars complains of, where in the text, and what to do. */
export interface TemplateProblem {
  what: string;
  offset: number;
  hint?: string;
}

/** Says what an error of Handlebars' parser (4.7) means to who wrote the template: it names the tokens of its grammar, and shows a piece of the text without line ends. */
export function templateProblem(text: string, message: string): TemplateProblem {
  const crossed = /^(\S+) doesn't match (\S+) - (\d+):(\d+)/.exec(message);
  if (crossed !== null) {
    const [, opened = "", closed = "", line, column] = crossed;
    return {
      what: `{{#${opened}}} is closed by {{/${closed}}}`,
      offset: text.lastIndexOf("{{", offsetOf(text, Number(line), Number(column))),
      hint: `write {{/${opened}}} where its block ends`,
    };
  }
  const got = /got '(\w+)'\s*$/.exec(message)?.[1];
  const offset = shownOffset(text, message);
  if (got === "EOF" && message.includes("'OPEN_ENDBLOCK'")) {
    const open = openBlock(text);
    if (open !== undefined)
      return {
        what: `the block {{#${open.name}}} is never closed`,
        offset: open.offset,
        hint: `write {{/${open.name}}} where it ends`,
      };
  }
  if (got === "OPEN_ENDBLOCK" || got === "INVERSE" || got === "OPEN_INVERSE_CHAIN")
    return {
      what: "there is no open block to which this belongs",
      offset,
      hint: "a block is {{#if name}} … {{else}} … {{/if}}",
    };
  const braces = text.lastIndexOf("{{", offset);
  if (braces === -1) return { what: firstLine(message), offset };
  // Comments may hold anything, and are closed by what they are opened with.
  if (!text.slice(braces, offset).includes("}}") && !text.slice(offset).split("{{")[0]?.includes("}}"))
    return { what: "`{{` is never closed by `}}`", offset: braces };
  return { what: firstLine(message), offset: text.slice(braces, offset).includes("}}") ? offset : braces };
}

/** The piece of the text that the message shows; its second line, and what points into it in the third. */
function firstLine(message: string): string {
  return message.split("\n").slice(1, 2).join(" ").trim() || message;
}

function offsetOf(text: string, line: number, column: number): number {
  const before = text.split("\n").slice(0, line - 1);
  return before.reduce((sum, one) => sum + one.length + 1, 0) + column;
}

/** Where the message points to: the piece that it shows is looked for in the text without its line ends. */
function shownOffset(text: string, message: string): number {
  const [, piece = "", marks = ""] = message.split("\n");
  const shown = piece.replace(/^\.\.\./, "").replace(/\.\.\.$/, "");
  const within = marks.length - 1 - (piece.startsWith("...") ? 3 : 0);
  const found = text.replaceAll("\n", "").indexOf(shown);
  if (found === -1 || within < 0) return 0;
  let left = found + within;
  let offset = 0;
  while (offset < text.length && (left > 0 || text[offset] === "\n")) {
    if (text[offset] !== "\n") left -= 1;
    offset += 1;
  }
  return offset;
}

/** The innermost block that nothing closes. */
function openBlock(text: string): { name: string; offset: number } | undefined {
  const open: { name: string; offset: number }[] = [];
  for (const { 1: kind, 2: name = "", index } of text.matchAll(
    /\{\{~?([#^/])\s*([\w.-]+)|\{\{~?!--[\s\S]*?--~?\}\}/g,
  )) {
    if (kind === "/") open.pop();
    else if (kind !== undefined) open.push({ name, offset: index });
  }
  return open.at(-1);
}
