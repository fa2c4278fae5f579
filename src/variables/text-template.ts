import Handlebars from "handlebars";
import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { checkCall } from "./call-check.ts";
import { TOLERANT_FUNCTIONS } from "./functions/choosing.ts";
import { functionsByName } from "./functions/library.ts";
import { type Caller, callFunction, type LibraryFunction } from "./functions/library-function.ts";
import { lookupFunctions } from "./functions/lookups.ts";
import { jinjaIn, templateHint } from "./jinja-habits.ts";
import { plainTemplate } from "./plain-template.ts";
import { PendingVariable, type Scope } from "./scope.ts";
import { templateProblem } from "./template-problem.ts";
import type { TextTemplate } from "./templated.ts";
import { undefinedVariable } from "./undefined-variable.ts";
import type { Value } from "./value.ts";
import { textOf } from "./written-value.ts";

/**
 * Handlebars, made strict. Its own strict mode is not enough: it lets undefined helper parameters pass, and without escaping adds neighbouring numbers
 * up. So every `{{…}}` is rewritten to a call of a helper of ours that turns the value into text, and every name that a helper is given to one that
 * insists on its being defined.
 */
const handlebars = Handlebars.create();

const BLOCK_HELPERS = new Set(["if", "unless", "each", "with"]);
/** Helpers that are no functions of the library: CEL has operators for these. */
const OPERATORS = new Set(["and", "or", "not", "lookup"]);

/** What the helpers need to know of the evaluation under way; templates are evaluated one at a time, without pauses. */
interface Evaluation {
  scope: Scope;
  places: readonly Place[];
  single: { value: Value } | undefined;
}

interface Place {
  name: string;
  at: SourceRange;
}

let current: Evaluation | undefined;

for (const name of Object.keys(handlebars.helpers)) {
  if (!BLOCK_HELPERS.has(name)) handlebars.unregisterHelper(name);
}
// One helper for all functions: Handlebars makes a copy of every helper each time that it renders something.
handlebars.registerHelper("plumb-call", (name: string, ...args: unknown[]) => {
  const known = functionsByName.get(name);
  if (known === undefined) throw new Error(`there is no function ${name}`);
  return callFunction(known, argumentsFor(known, args), callerFor(current?.scope));
});
handlebars.registerHelper("and", (...args: unknown[]) => args.slice(0, -1).every(isTrue));
handlebars.registerHelper("or", (...args: unknown[]) => args.slice(0, -1).some(isTrue));
handlebars.registerHelper("not", (value: unknown) => !isTrue(value));
handlebars.registerHelper("lookup", (value: unknown, ...keys: unknown[]) =>
  keys.slice(0, -1).reduce(entryOf, value),
);
handlebars.registerHelper("plumb-strict", (place: number, value: unknown) => insist(place, value));
handlebars.registerHelper("plumb-text", (place: number, value: unknown) => textOf(insist(place, value)));
handlebars.registerHelper("plumb-single", (place: number, value: unknown) => {
  if (current !== undefined) current.single = { value: fromHandlebars(insist(place, value)) };
  return "";
});

/** What `{{#if}}` takes for true (Handlebars: an empty list is not). */
function isTrue(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** `{{lookup hostvars name "address"}}`: one key after another. */
function entryOf(value: unknown, key: unknown): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, String(key)) ? (value as Record<string, unknown>)[String(key)] : undefined;
}

function insist(place: number, value: unknown): unknown {
  if (value !== undefined || current === undefined) return value;
  const { name, at } = current.places[place] ?? { name: "?", at: undefined };
  throw undefinedVariable(name, current.scope, at);
}

/** Arguments in their places: those with a name (`{{ join list separator="," }}`) where the function has that parameter. */
function argumentsFor({ parameters }: LibraryFunction, args: readonly unknown[]): (Value | undefined)[] {
  const placed: (Value | undefined)[] = args.slice(0, -1).map(fromHandlebars);
  const { hash } = args.at(-1) as Handlebars.HelperOptions;
  for (const [name, value] of Object.entries(hash))
    placed[parameters.findIndex((one) => one.replace(/\?$/, "") === name)] = fromHandlebars(value);
  return placed;
}

/** What a function may know of the scope that it is called in. */
export function callerFor(scope: Scope | undefined): Caller {
  return {
    keyring: scope?.keyring,
    variable: (name) => scope?.lookup(name),
    render: (text, file) => {
      const template = compileTemplateFile(text, file);
      return scope === undefined ? text : textOf(template.evaluate(scope));
    },
  };
}

function fromHandlebars(value: unknown): Value {
  return (value ?? null) as Value;
}

/** Line and column inside a template, as a position in the file that it stands in. */
export type Locate = (line: number, column: number) => SourceRange;

/**
 * Compiles text with `{{…}}` in it.
 *
 * @throws DiagnosticsError template-syntax
 */
export function compileText(text: string, at: SourceRange): TextTemplate {
  const isBlock = at.endLine !== undefined && at.endLine > at.line;
  return compileTemplate(text, () => at, isBlock ? undefined : at);
}

/**
 * Compiles text that others may have had a hand in: it reads variables, and calls no function that runs a program here, or reads a file or the environment.
 *
 * @throws DiagnosticsError template-syntax
 */
export function compileOthersText(text: string, at: SourceRange): TextTemplate {
  return compileTemplate(text, () => at, at, true);
}

/**
 * Compiles a template file. Its final newline stays as it is.
 *
 * @throws DiagnosticsError template-syntax, with positions in the file
 */
export function compileTemplateFile(text: string, file: string): TextTemplate {
  return compileTemplate(text, (line, column) => ({ file, line, column: column + 1 }));
}

/** Compiles a template whose positions `locate` knows. @throws DiagnosticsError template-syntax */
export function compileTemplate(
  text: string,
  locate: Locate,
  fallback?: SourceRange,
  isOthers = false,
): TextTemplate {
  refuseJinja(text, locate, fallback);
  const plain = plainTemplate(text, (offset) => locateOffset(text, offset, locate));
  if (plain !== undefined) return plain;
  refuseDeepBlocks(text, locate, fallback);
  const program = parse(text, locate, fallback);
  const places: Place[] = [];
  const names = new Set<string>();
  const only = program.body.length === 1 ? program.body[0] : undefined;
  const isSingle = only?.type === "MustacheStatement";
  rewriteProgram(program, { places, names, locate, isSingle, isOthers });
  const render = handlebars.compile(program, { noEscape: true });
  return {
    source: text,
    names: [...names],
    evaluate: (scope) => {
      const before = current;
      const evaluation: Evaluation = { scope, places, single: undefined };
      current = evaluation;
      try {
        const rendered = render(contextOf(names, scope));
        return isSingle ? (evaluation.single?.value ?? null) : rendered;
      } catch (error) {
        throw asDiagnostic(error, fallback ?? locate(1, 0));
      } finally {
        current = before;
      }
    },
  };
}

function locateOffset(text: string, offset: number, locate: Locate): SourceRange {
  const before = text.slice(0, offset).split("\n");
  return locate(before.length, before.at(-1)?.length ?? 0);
}

function contextOf(names: ReadonlySet<string>, scope: Scope): Record<string, Value> {
  const context: Record<string, Value> = {};
  for (const name of names) {
    const before = current;
    const value = scope.lookup(name);
    current = before;
    if (value !== undefined) context[name] = value;
  }
  return context;
}

function asDiagnostic(error: unknown, at: SourceRange): unknown {
  if (error instanceof DiagnosticsError || error instanceof PendingVariable) return error;
  const message = error instanceof Error ? error.message : String(error);
  return inputError("template-render", `the template can't be rendered: ${message}`, { at });
}

/** @throws DiagnosticsError template-syntax for what people write who come from Jinja2 */
function refuseJinja(text: string, locate: Locate, fallback: SourceRange | undefined): void {
  const jinja = jinjaIn(text);
  if (jinja === undefined) return;
  const before = text.slice(0, jinja.index).split("\n");
  throw inputError("template-syntax", `this is Jinja2, and templates are Handlebars: ${jinja.written}`, {
    at: fallback ?? locate(before.length, before.at(-1)?.length ?? 0),
    hint: jinja.hint,
  });
}

/** Blocks inside of blocks: nobody writes as many, and Handlebars takes minutes over thousands of them. */
const DEEPEST_BLOCKS = 100;

/** @throws DiagnosticsError template-syntax */
function refuseDeepBlocks(text: string, locate: Locate, fallback: SourceRange | undefined): void {
  let depth = 0;
  for (const { 1: kind, index } of text.matchAll(/\{\{~?(#|\/|\^(?=\s*\w))/g)) {
    depth += kind === "/" ? -1 : 1;
    if (depth <= DEEPEST_BLOCKS) continue;
    throw inputError(
      "template-syntax",
      `more than ${DEEPEST_BLOCKS} blocks stand inside of each other here`,
      {
        at: fallback ?? locateOffset(text, index, locate),
        hint: "is each of them closed?",
      },
    );
  }
}

function parse(text: string, locate: Locate, fallback: SourceRange | undefined): hbs.AST.Program {
  try {
    return handlebars.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const { what, offset, hint } = templateProblem(text, message);
    throw inputError("template-syntax", `the template can't be read: ${what}`, {
      at: fallback ?? locateOffset(text, offset, locate),
      hint: hint ?? templateHint(text),
    });
  }
}

interface Rewriting {
  places: Place[];
  names: Set<string>;
  locate: Locate;
  isSingle: boolean;
  isOthers: boolean;
}

function rewriteProgram(program: hbs.AST.Program | undefined, rewriting: Rewriting): void {
  if (program === undefined) return;
  for (const statement of program.body) {
    if (statement.type === "MustacheStatement") {
      rewriteMustache(statement as hbs.AST.MustacheStatement, rewriting);
    } else if (statement.type === "BlockStatement") {
      const block = statement as hbs.AST.BlockStatement;
      checkBlock(block, rewriting);
      block.params = rewriteParams(block, rewriting);
      rewriteProgram(block.program, { ...rewriting, isSingle: false });
      rewriteProgram(block.inverse, { ...rewriting, isSingle: false });
    } else if (NOT_HERE.test(statement.type)) throw noPartials(statement, rewriting);
  }
}

/** `{{> part}}`, and `{{* decorator}}`, of which nobody has any. */
const NOT_HERE = /^(Partial|Decorator)/;

function noPartials({ loc }: hbs.AST.Statement, { locate }: Rewriting): DiagnosticsError {
  return inputError("template-syntax", "the template can't be read: there are no partials and decorators", {
    at: locate(loc.start.line, loc.start.column),
    hint: '{{ read_template "part.hbs" }} puts another template in',
  });
}

function rewriteMustache(statement: hbs.AST.MustacheStatement, rewriting: Rewriting): void {
  const place = placeOf(statement.path, rewriting);
  const isCall = statement.params.length > 0 || (statement.hash?.pairs.length ?? 0) > 0;
  if (!isCall) noteName(statement.path, rewriting);
  const inner = isCall ? rewriteCall(statement, rewriting) : statement.path;
  statement.path = pathTo(rewriting.isSingle ? "plumb-single" : "plumb-text", statement.loc);
  statement.params = [numberLiteral(place, statement.loc), inner];
  (statement as { hash: unknown }).hash = undefined;
}

/** A call as one of the helper that calls functions. @throws DiagnosticsError unknown-function, function-arguments */
function rewriteCall(call: HelperCall, rewriting: Rewriting): hbs.AST.SubExpression {
  checkHelper(call, rewriting);
  const name = String((call.path as hbs.AST.PathExpression).original);
  const params = rewriteParams(call, rewriting);
  const { hash, loc } = call;
  return {
    type: "SubExpression",
    path: OPERATORS.has(name) ? call.path : pathTo("plumb-call", loc),
    params: OPERATORS.has(name) ? params : [stringLiteral(name, loc), ...params],
    hash,
    loc,
  } as hbs.AST.SubExpression;
}

/** Arguments with and without a name; those must be defined, but for the functions that ask for that. */
function rewriteParams(call: HelperCall, rewriting: Rewriting): hbs.AST.Expression[] {
  const helper = (call.path as hbs.AST.PathExpression).original;
  for (const pair of call.hash?.pairs ?? []) pair.value = rewriteParam(pair.value, helper, rewriting);
  return call.params.map((param) => rewriteParam(param, helper, rewriting));
}

function rewriteParam(param: hbs.AST.Expression, helper: string, rewriting: Rewriting): hbs.AST.Expression {
  if (param.type === "SubExpression") return rewriteCall(param as hbs.AST.SubExpression, rewriting);
  if (param.type !== "PathExpression") return param;
  noteName(param, rewriting);
  if (TOLERANT_FUNCTIONS.has(helper) || (param as hbs.AST.PathExpression).data) return param;
  const place = placeOf(param, rewriting);
  return {
    type: "SubExpression",
    path: pathTo("plumb-strict", param.loc),
    params: [numberLiteral(place, param.loc), param],
    loc: param.loc,
  } as hbs.AST.SubExpression;
}

interface HelperCall {
  path: hbs.AST.Expression;
  params: hbs.AST.Expression[];
  hash?: hbs.AST.Hash;
  loc: hbs.AST.SourceLocation;
}

/** @throws DiagnosticsError unknown-function, function-arguments */
function checkHelper(call: HelperCall, { locate, isOthers }: Rewriting): void {
  const name = String((call.path as hbs.AST.PathExpression).original);
  if (OPERATORS.has(name)) return;
  const known = functionsByName.get(name);
  if (isOthers && known !== undefined && lookupFunctions.includes(known))
    throw inputError(
      "template-syntax",
      `\`${name}\` can't be used here: it reaches what is on this machine`,
      {
        at: locate(call.loc.start.line, call.loc.start.column),
        hint: "what an inventory program prints may come from strangers: write it in group_vars or host_vars",
      },
    );
  const named = call.hash?.pairs.map((pair) => pair.key) ?? [];
  const problem = checkCall(name, { count: call.params.length, named, besides: OPERATORS });
  if (problem === undefined) return;
  const { code, message, ...rest } = problem;
  throw inputError(code, message, { at: locate(call.loc.start.line, call.loc.start.column), ...rest });
}

/** @throws DiagnosticsError unknown-function for a block that there is not */
function checkBlock(block: hbs.AST.BlockStatement, { locate }: Rewriting): void {
  const name = String((block.path as hbs.AST.PathExpression).original);
  if (BLOCK_HELPERS.has(name) && block.params.length === 1) return;
  if (BLOCK_HELPERS.has(name))
    throw inputError(
      "template-syntax",
      `the template can't be read: {{#${name}}} needs one value, and is given ${block.params.length || "none"}`,
      {
        at: locate(block.loc.start.line, block.loc.start.column),
        hint: `write {{#${name} NAME}}; of a function, {{#${name} (FUNCTION NAME)}}`,
      },
    );
  throw inputError("unknown-function", `there is no block {{#${name}}}`, {
    at: locate(block.loc.start.line, block.loc.start.column),
    hint: functionsByName.has(name)
      ? `\`${name}\` is a function: {{ ${name} … }}, or {{#if (${name} …)}}`
      : "there is {{#if}}, {{#unless}}, {{#each}} and {{#with}}",
  });
}

function placeOf(expression: hbs.AST.Expression, { places, locate }: Rewriting): number {
  const name = (expression as hbs.AST.PathExpression).original ?? "";
  places.push({ name: String(name), at: locate(expression.loc.start.line, expression.loc.start.column) });
  return places.length - 1;
}

/** A superset of the variables that are read: names inside `#each` may be keys of its items. */
function noteName(expression: hbs.AST.Expression, { names }: Rewriting): void {
  const path = expression as hbs.AST.PathExpression;
  if (path.type !== "PathExpression" || path.data) return;
  const [first] = path.parts as unknown as string[];
  if (first !== undefined) names.add(first);
}

function pathTo(name: string, loc: hbs.AST.SourceLocation): hbs.AST.PathExpression {
  return {
    type: "PathExpression",
    data: false,
    depth: 0,
    parts: [name],
    original: name,
    loc,
  } as unknown as hbs.AST.PathExpression;
}

function numberLiteral(value: number, loc: hbs.AST.SourceLocation): hbs.AST.NumberLiteral {
  return { type: "NumberLiteral", value, original: value, loc };
}

function stringLiteral(value: string, loc: hbs.AST.SourceLocation): hbs.AST.StringLiteral {
  return { type: "StringLiteral", value, original: value, loc };
}
