import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { Scope } from "./scope.ts";
import type { TextTemplate } from "./templated.ts";
import { undefinedVariable } from "./undefined-variable.ts";
import type { Value } from "./value.ts";
import { textOf } from "./written-value.ts";

/** `{{ name.key }}`. What it does not match, Handlebars is asked about. */
const REFERENCE = /\{\{\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)\s*\}\}/g;
/** Words that are no names to Handlebars. */
const KEYWORDS = /(^|\.)(true|false|null|undefined|this|else)(\.|$)/;

/** A variable that a text refers to, between two pieces that stay as they are. */
interface Reference {
  name: string;
  keys: readonly string[];
  /** Where the name starts in the text. */
  offset: number;
}

/**
 * A template with nothing in it but names of variables and their keys, as nearly all are: it is taken apart here, because reading one with Handlebars and
 * rendering it takes fifty times as long. What it gives is what Handlebars gives.
 *
 * @param positionOf the place of an offset in the text, for errors.
 * @returns undefined when there is more in it than that.
 */
export function plainTemplate(
  text: string,
  positionOf: (offset: number) => SourceRange,
): TextTemplate | undefined {
  const parts = takeApart(text);
  if (parts === undefined) return undefined;
  const { pieces, references } = parts;
  const [first] = references;
  const isSingle = first !== undefined && references.length === 1 && pieces.every((piece) => piece === "");
  const referredTo = (reference: Reference, scope: Scope): Value => {
    const value = lookUp(reference, scope);
    if (value !== undefined) return value;
    throw undefinedVariable(
      [reference.name, ...reference.keys].join("."),
      scope,
      positionOf(reference.offset),
    );
  };
  return {
    source: text,
    names: [...new Set(references.map(({ name }) => name))],
    evaluate: (scope) => {
      if (isSingle) return referredTo(first, scope);
      return pieces.reduce((rendered, piece, index) => {
        const reference = references[index - 1];
        return reference === undefined ? piece : rendered + textOf(referredTo(reference, scope)) + piece;
      }, "");
    },
  };
}

/** @returns one piece more than there are references; undefined when it is no plain template. */
function takeApart(text: string): { pieces: string[]; references: Reference[] } | undefined {
  const pieces: string[] = [];
  const references: Reference[] = [];
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const path = match[1] ?? "";
    if (KEYWORDS.test(path)) return undefined;
    const [name = "", ...keys] = path.split(".");
    pieces.push(text.slice(end, match.index));
    references.push({ name, keys, offset: match.index + match[0].indexOf(path) });
    end = match.index + match[0].length;
  }
  pieces.push(text.slice(end));
  const last = pieces.length - 1;
  // A backslash in front escapes, and a third brace makes something else of it.
  const isPlain = pieces.every(
    (piece, index) =>
      !piece.includes("{{") &&
      (index === last || !/[\\{]$/.test(piece)) &&
      (index === 0 || !piece.startsWith("}")),
  );
  return isPlain ? { pieces, references } : undefined;
}

/** As Handlebars looks up a path: only what a value has itself, and what has no keys has none of its own. */
function lookUp({ name, keys }: Reference, scope: Scope): Value | undefined {
  let value: unknown = scope.lookup(name);
  for (const key of keys) {
    if (value === undefined || value === null) break;
    value = Object.hasOwn(value as object, key) ? (value as Record<string, unknown>)[key] : undefined;
  }
  return value as Value | undefined;
}
