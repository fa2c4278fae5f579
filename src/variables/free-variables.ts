import Handlebars from "handlebars";
import { variablesIn } from "./expression.ts";
import { TOLERANT_FUNCTIONS } from "./functions/choosing.ts";
import { functionsByName } from "./functions/library.ts";
import type { Templated } from "./templated.ts";

/** A variable that a value reads. */
export interface FreeVariable {
  name: string;
  /** It may be undefined: the value asks whether it is, or says what to take instead. */
  isAsked: boolean;
  /** Where in the text of a template, from 1 and 0. */
  line: number;
  column: number;
}

/** Every variable that a value reads, with where it stands where that is known. For lint: compiled values know only what a run needs. */
export function freeVariables(value: Templated): { at: Templated["at"]; variable: FreeVariable }[] {
  switch (value.kind) {
    case "literal":
      return [];
    case "text":
      return value.template.vaulted === true
        ? []
        : freeInTemplate(value.template.source).map((variable) => ({ at: value.at, variable }));
    case "expression":
      return freeInExpression(value.expression.source).map((variable) => ({ at: value.at, variable }));
    case "list":
      return value.items.flatMap(freeVariables);
    case "map":
      return value.entries.flatMap((entry) => freeVariables(entry.value));
  }
}

/** Variables of an expression; one that is asked for anywhere in it counts as asked for everywhere: `defined(a) && a.b`. */
export function freeInExpression(source: string): FreeVariable[] {
  const { names, asked } = variablesIn(source);
  return [...names].map((name) => ({ name, isAsked: asked.has(name), line: 1, column: 0 }));
}

interface Walk {
  /** How many `{{#each}}` and `{{#with}}` are around: a name inside of them is a key of the item. */
  depth: number;
  /** Names that `as |item|` gives. */
  bound: ReadonlySet<string>;
  found: FreeVariable[];
}

/** Variables of a template. @returns nothing for text that is no template */
export function freeInTemplate(text: string): FreeVariable[] {
  const found: FreeVariable[] = [];
  let program: hbs.AST.Program;
  try {
    program = Handlebars.parse(text);
  } catch {
    // The loader has said so.
    return [];
  }
  walkProgram(program, { depth: 0, bound: new Set(), found });
  const asked = new Set(found.filter(({ isAsked }) => isAsked).map(({ name }) => name));
  return found.map((one) => ({ ...one, isAsked: asked.has(one.name) }));
}

function walkProgram(program: hbs.AST.Program | undefined, walk: Walk): void {
  for (const statement of program?.body ?? []) {
    if (statement.type === "MustacheStatement") {
      const mustache = statement as hbs.AST.MustacheStatement;
      const isCall = mustache.params.length > 0 || (mustache.hash?.pairs.length ?? 0) > 0;
      if (isCall) walkCall(mustache, walk);
      else walkPath(mustache.path, walk, false);
    } else if (statement.type === "BlockStatement") {
      walkBlock(statement as hbs.AST.BlockStatement, walk);
    }
  }
}

function walkBlock(block: hbs.AST.BlockStatement, walk: Walk): void {
  const name = String((block.path as hbs.AST.PathExpression).original);
  walkCall(block, walk);
  const isDeeper = name === "each" || name === "with";
  const bound = new Set([...walk.bound, ...(block.program?.blockParams ?? [])]);
  walkProgram(block.program, { ...walk, bound, depth: walk.depth + (isDeeper ? 1 : 0) });
  walkProgram(block.inverse, walk);
}

function walkCall(
  call: { path: hbs.AST.Expression; params: hbs.AST.Expression[]; hash?: hbs.AST.Hash },
  walk: Walk,
): void {
  const name = String((call.path as hbs.AST.PathExpression).original);
  for (const param of [...call.params, ...(call.hash?.pairs ?? []).map((pair) => pair.value)]) {
    if (param.type === "SubExpression") walkCall(param as hbs.AST.SubExpression, walk);
    else walkPath(param, walk, TOLERANT_FUNCTIONS.has(name) && functionsByName.has(name));
  }
}

function walkPath(expression: hbs.AST.Expression, { depth, bound, found }: Walk, isAsked: boolean): void {
  if (expression.type !== "PathExpression") return;
  const path = expression as hbs.AST.PathExpression;
  const [first, second] = path.parts as unknown as (string | undefined)[];
  // `@root.name` is the variable whatever is around; `@index` and the like are none.
  const isRoot = path.data && first === "root";
  const name = isRoot ? second : first;
  if (name === undefined || bound.has(name) || (path.data && !isRoot) || (!isRoot && path.depth !== depth))
    return;
  if (/^this(\.|\/)/.test(path.original)) return;
  const { line, column } = path.loc.start;
  found.push({ name, isAsked, line, column });
}
