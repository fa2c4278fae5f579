import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { type CallProblem, checkCall, unknownFunctionIn } from "./call-check.ts";
import { fromCel, toCel } from "./cel-values.ts";
import { TOLERANT_FUNCTIONS } from "./functions/choosing.ts";
import { functionsByName } from "./functions/library.ts";
import { callFunction } from "./functions/library-function.ts";
import { findPattern } from "./functions/patterns.ts";
import { expressionHint, PYTHON_WORDS } from "./jinja-habits.ts";
import { PendingVariable, type Scope } from "./scope.ts";
import { syntaxInWords } from "./syntax-words.ts";
import type { Expression } from "./templated.ts";
import { callerFor } from "./text-template.ts";
import { TYPE_NAMES, typeNamesIn } from "./type-names.ts";
import { undefinedVariable } from "./undefined-variable.ts";

const MACROS = new Set(["map", "filter", "exists", "all", "exists_one"]);

/** Methods of CEL's own that make something else of a text. */
const REMAKING = /\.(substring|split|lowerAscii|upperAscii|trim|replace|join|reverse)\s*\(|base64\./;

/** In front of a name that is a variable's if there is one, and otherwise a type's. */
const TYPE_NAME = "plumb_named_";

/** Stands for CEL's own `matches`, which nothing bounds. */
const BOUNDED_MATCHES = "plumb_matches";

/** Whose variables the functions see; expressions are evaluated one at a time, without pauses. */
let current: Scope | undefined;

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
});
environment.registerFunction(
  `string.${BOUNDED_MATCHES}(string): bool`,
  (subject: string, pattern: string) => findPattern("matches", subject, pattern) !== undefined,
);

/** Functions that the environment knows: those that some expression calls, because making all of them known takes longer than most runs' expressions. */
const registered = new Set<string>();

function register(name: string): void {
  const known = functionsByName.get(name);
  if (known === undefined || registered.has(name)) return;
  registered.add(name);
  const { parameters } = known;
  const required = parameters.filter((parameter) => !parameter.endsWith("?")).length;
  for (let count = required; count <= parameters.length; count++) {
    const types = Array.from({ length: count }, () => "dyn").join(", ");
    environment.registerFunction(`${name}(${types}): dyn`, (...args: unknown[]) =>
      toCel(callFunction(known, args.map(fromCel), callerFor(current))),
    );
  }
}

/** A part of an expression that is evaluated by itself, because it may be undefined. */
interface TolerantPart {
  name: string;
  expression: Expression;
}

/**
 * Compiles a CEL expression. `and`, `or` and `not` are taken for `&&`, `||` and `!`.
 *
 * @throws DiagnosticsError expression-syntax, with a caret
 */
export function compileExpression(source: string, at: SourceRange): Expression {
  try {
    return compiled(source, at);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw inputError("expression-syntax", "this expression is too long: it has more parts than can be read", {
      at,
      hint: "a list of conditions is one behind the other; what is computed belongs into variables",
    });
  }
}

function compiled(source: string, at: SourceRange): Expression {
  const text = withSymbols(source.trim());
  let ast: ASTNode;
  try {
    ast = environment.parse(text).ast;
  } catch (error) {
    throw syntaxError(source, at, error);
  }
  checkCalls(ast, source, at);
  const { parts, inPlace } = tolerantParts(ast, text, at);
  const types = typeNamesIn(ast, [...parts, ...inPlace]);
  const places = types.map((one) => ({ ...one, name: `${TYPE_NAME}${one.name}` }));
  const rewritten = withBoundedMatches(withPlaceholders(text, [...parts, ...places, ...inPlace]));
  const run = environment.parse(rewritten);
  const placed = new Set([...parts, ...places].map(({ name }) => name));
  const names = [...namesIn(run.ast)].filter((name) => !placed.has(name) && !TYPE_NAMES.has(name));
  refusePythonWords(names, at);
  const typeNames = [...new Set(types.map(({ name }) => name))];
  const allNames = [...new Set([...names, ...typeNames, ...parts.flatMap((part) => part.expression.names)])];
  return {
    source: source.trim(),
    names: allNames,
    evaluate: (scope) => {
      const context: Record<string, unknown> = {};
      const used: unknown[] = [];
      for (const name of names) {
        const value = scope.lookup(name);
        if (value !== undefined) {
          context[name] = toCel(value);
          used.push(context[name]);
        }
        // Only what is asked for must be there: `defined(a) && a.b`.
        else Object.defineProperty(context, name, { get: () => failUndefined(name, scope, at) });
      }
      for (const name of typeNames) {
        const value = scope.lookup(name);
        context[`${TYPE_NAME}${name}`] = value === undefined ? environment.evaluate(name) : toCel(value);
        used.push(value ?? null);
      }
      for (const part of parts) {
        context[part.name] = valueOrNull(part.expression, scope);
        used.push(context[part.name]);
      }
      const before = current;
      current = scope;
      try {
        const result = fromCel(run(context));
        if (scope.keyring !== undefined && REMAKING.test(rewritten))
          scope.keyring.hideDerived(used.flat(), result);
        return result;
      } catch (error) {
        throw evaluationError(source, at, error);
      } finally {
        current = before;
      }
    },
  };
}

function failUndefined(name: string, scope: Scope, at: SourceRange): never {
  throw undefinedVariable(name, scope, at);
}

/** @throws DiagnosticsError unknown-function, function-arguments: with every call that is wrong */
function checkCalls(ast: ASTNode, source: string, at: SourceRange): void {
  const problems: CallProblem[] = [];
  visit(ast, (node) => {
    const problem = node.op === "call" || node.op === "rcall" ? problemOf(node, source) : undefined;
    if (problem !== undefined) problems.push(problem);
    return true;
  });
  if (problems.length > 0)
    throw new DiagnosticsError(problems.map((problem) => ({ severity: "error", at, ...problem })));
}

function problemOf(node: ASTNode & { op: "call" | "rcall" }, source: string): CallProblem | undefined {
  if (node.op === "rcall") {
    const [method] = node.args;
    if (MACROS.has(method) || celFunctions().methods.has(method)) return undefined;
    const called = functionsByName.has(method) ? method : undefined;
    return {
      ...unknownFunctionIn(source, method, celFunctions().methods),
      message: `values have no method \`${method}\``,
      ...(called === undefined ? {} : { hint: `it is a function: ${called}(value, …)` }),
    };
  }
  const [name, args] = node.args;
  if (functionsByName.has(name)) {
    register(name);
    return checkCall(name, { count: args.length, besides: [] });
  }
  return celFunctions().names.has(name) ? undefined : unknownFunctionIn(source, name, celFunctions().names);
}

let known: { names: ReadonlySet<string>; methods: ReadonlySet<string> } | undefined;

/** What CEL itself brings. */
function celFunctions(): NonNullable<typeof known> {
  if (known === undefined) {
    const functions = new Environment({ enableOptionalTypes: true }).getDefinitions().functions;
    const isMethod = ({ receiverType }: (typeof functions)[number]): boolean => receiverType != null;
    known = {
      names: new Set(functions.filter((one) => !isMethod(one)).map(({ name }) => name)),
      methods: new Set(functions.filter(isMethod).map(({ name }) => name)),
    };
  }
  return known;
}

/** @throws DiagnosticsError expression-syntax */
function refusePythonWords(names: readonly string[], at: SourceRange): void {
  const word = names.find((name) => Object.hasOwn(PYTHON_WORDS, name));
  if (word === undefined) return;
  throw inputError("expression-syntax", `\`${word}\` is Python's`, {
    at,
    hint: `write ${PYTHON_WORDS[word]}`,
  });
}

/** Undefined and a missing key come out as null; everything else that goes wrong does go wrong. */
function valueOrNull(expression: Expression, scope: Scope): unknown {
  try {
    // Asked first, because this is the usual case, and an error with a proposal takes longer to make.
    if (expression.names.some((name) => scope.lookup(name) === undefined)) return null;
    return toCel(expression.evaluate(scope));
  } catch (error) {
    if (error instanceof DiagnosticsError) {
      const codes = error.diagnostics.map(({ code }) => code);
      const missing = codes.every(
        (code) => code === "undefined-variable" || code === "expression-evaluation",
      );
      if (missing && /not defined|No such key|has no such key|out of bounds/.test(error.message)) return null;
    }
    throw error;
  }
}

interface PlacedPart extends TolerantPart {
  start: number;
  end: number;
}

/** What is written instead of a part of an expression. */
interface Replacement {
  name: string;
  start: number;
  end: number;
}

/**
 * The arguments that may be missing. Each is evaluated by itself, but for those that name what a macro binds (`list.map(one, default(one.x, 1))`): they have a meaning only
 * where they stand, and get CEL's own optional steps there.
 */
function tolerantParts(
  ast: ASTNode,
  text: string,
  at: SourceRange,
): { parts: PlacedPart[]; inPlace: Replacement[] } {
  const parts: PlacedPart[] = [];
  const inPlace: Replacement[] = [];
  visitBound(ast, new Set(), (node, bound) => {
    if (node.op !== "call") return undefined;
    const [name, args] = node.args as [string, ASTNode[]];
    const [first] = args;
    if (!TOLERANT_FUNCTIONS.has(name) || first === undefined || first.op === "value") return undefined;
    const { start, end } = first.range;
    if ([...namesIn(first)].some((one) => bound.has(one))) {
      if (first.op === "." || first.op === "[]")
        inPlace.push({ name: `${optionalSteps(first, text)}.orValue(dyn(null))`, start, end });
    } else {
      parts.push({
        name: `plumb_part_${parts.length}`,
        start,
        end,
        expression: compileExpression(text.slice(start, end), at),
      });
    }
    return args.slice(1);
  });
  return { parts, inPlace };
}

/** `a.b[c]` as `a.?b[?c]`: nothing, where something on the way is missing. */
function optionalSteps(node: ASTNode, text: string): string {
  if (node.op === ".") return `${optionalSteps(node.args[0], text)}.?${node.args[1]}`;
  if (node.op !== "[]") return text.slice(node.range.start, node.range.end);
  const { start, end } = node.args[1].range;
  return `${optionalSteps(node.args[0], text)}[?${text.slice(start, end)}]`;
}

function withPlaceholders(
  text: string,
  parts: readonly { name: string; start: number; end: number }[],
): string {
  return [...parts]
    .sort((a, b) => b.start - a.start)
    .reduce((result, part) => result.slice(0, part.start) + part.name + result.slice(part.end), text);
}

/** `text.matches(pattern)` outside of strings, with the function that can be cut off. */
function withBoundedMatches(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\.\s*matches\s*\(/g, (token) =>
    token.startsWith(".") ? `.${BOUNDED_MATCHES}(` : token,
  );
}

/** Calls `enter` for every node; its children are skipped where it says false. */
function visit(node: ASTNode, enter: (node: ASTNode) => boolean): void {
  if (!enter(node)) return;
  const walk = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(walk);
    else if (typeof part === "object" && part !== null && "op" in part) visit(part as ASTNode, enter);
  };
  walk(node.args);
}

/** Calls `enter` for every node, with the names that macros around it bind. What it gives is visited instead of the node's children. */
function visitBound(
  node: ASTNode,
  bound: ReadonlySet<string>,
  enter: (node: ASTNode, bound: ReadonlySet<string>) => readonly ASTNode[] | undefined,
): void {
  const instead = enter(node, bound);
  if (instead !== undefined) {
    for (const one of instead) visitBound(one, bound, enter);
    return;
  }
  if (node.op === "rcall") {
    const [method, receiver, args] = node.args;
    visitBound(receiver, bound, enter);
    const binder = args[0];
    const inner = MACROS.has(method) && binder?.op === "id" ? new Set([...bound, binder.args]) : bound;
    for (const arg of args) visitBound(arg, inner, enter);
    return;
  }
  const walk = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(walk);
    else if (typeof part === "object" && part !== null && "op" in part)
      visitBound(part as ASTNode, bound, enter);
  };
  walk(node.args);
}

/** Variables of the expression; those that a macro binds are not variables. */
function namesIn(ast: ASTNode): Set<string> {
  const names = new Set<string>();
  visitBound(ast, new Set(), (node, bound) => {
    if (node.op === "id" && !bound.has(node.args)) names.add(node.args);
    return undefined;
  });
  return names;
}

/**
 * Variables that an expression reads, and those of them that it asks for with `default`, `defined` or `mandatory`. For lint.
 *
 * @throws Error for what is no expression
 */
export function variablesIn(source: string): { names: ReadonlySet<string>; asked: ReadonlySet<string> } {
  const { ast } = environment.parse(withSymbols(source.trim()));
  const asked = new Set<string>();
  visit(ast, (node) => {
    if (node.op !== "call") return true;
    const [name, [first]] = node.args;
    if (TOLERANT_FUNCTIONS.has(name) && first !== undefined) for (const one of namesIn(first)) asked.add(one);
    return true;
  });
  const meant = typeNamesIn(ast, []).map(({ name }) => name);
  const names = [...namesIn(ast)].filter((name) => !TYPE_NAMES.has(name));
  return { names: new Set([...names, ...meant]), asked };
}

/** `and`, `or`, `not` outside of strings, replaced by symbols of the same length, so that positions stay true. */
function withSymbols(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\b(?:and|or|not)\b/g, (token) => {
    if (token === "and") return "&& ";
    if (token === "or") return "||";
    return token === "not" ? "!  " : token;
  });
}

function syntaxError(source: string, at: SourceRange, error: unknown): DiagnosticsError {
  const hint = expressionHint(source);
  if (source.trim() === "") return inputError("expression-syntax", "this expression is empty", { at });
  return inputError("expression-syntax", `this is not a CEL expression: ${syntaxInWords(messageOf(error))}`, {
    at,
    ...(hint === undefined ? {} : { hint }),
  });
}

function evaluationError(source: string, at: SourceRange, error: unknown): unknown {
  if (error instanceof DiagnosticsError || error instanceof PendingVariable) return error;
  const message = messageOf(error);
  const overload = /no such overload: (.+)/.exec(message);
  return inputError("expression-evaluation", `\`${source.trim()}\` can't be evaluated: ${message}`, {
    at,
    ...(overload === null
      ? {}
      : { hint: "the two sides have different types: convert one with int(), double(), string() or bool()" }),
  });
}

/** Longer than this is a value, and not what is said of it. */
const LONGEST_MESSAGE = 600;

const cut = (message: string): string =>
  message.length > LONGEST_MESSAGE
    ? `${message.slice(0, LONGEST_MESSAGE / 2)} … ${message.slice(-LONGEST_MESSAGE / 2)}`
    : message;

/** The first line: the excerpt that follows shows the rewritten text. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return cut(message.split("\n")[0] ?? message)
    .replaceAll(/plumb_part_\d+/g, "…")
    .replaceAll(TYPE_NAME, "")
    .replaceAll(BOUNDED_MATCHES, "matches");
}
