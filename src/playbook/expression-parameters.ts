import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { Module } from "../modules/module.ts";
import { compileExpression } from "../variables/expression.ts";
import type { Expression, Templated, TemplatedEntry } from "../variables/templated.ts";
import { braces } from "./condition.ts";

/**
 * Parameters that are expressions (`assert`'s `that`) become `{ expression, value }`: the text for messages, and what it comes to.
 *
 * @throws DiagnosticsError expression-syntax
 */
export function withExpressions(module: Module, entry: TemplatedEntry, at: SourceRange): TemplatedEntry {
  if (!(module.expressionParams as readonly string[] | undefined)?.includes(entry.key)) return entry;
  const { value } = entry;
  const name = `${module.name}.${entry.key}`;
  return {
    ...entry,
    value:
      value.kind === "list"
        ? { ...value, items: value.items.map((item) => pair(name, item, at)) }
        : pair(name, value, at),
  };
}

function pair(name: string, value: Templated, fallback: SourceRange): Templated {
  const at = value.at ?? fallback;
  const expression = expressionOf(name, value, at);
  return {
    kind: "map",
    at,
    entries: [
      { key: "expression", value: { kind: "literal", value: expression.source } },
      { key: "value", value: { kind: "expression", expression, at } },
    ],
  };
}

function expressionOf(name: string, value: Templated, at: SourceRange): Expression {
  if (value.kind === "expression") return value.expression;
  if (value.kind === "text") throw braces(name, value.template.source, at);
  if (value.kind === "literal" && value.value !== null && typeof value.value !== "object")
    return compileExpression(String(value.value), at);
  throw inputError("wrong-type", `\`${name}\` must be an expression`, { at });
}
