import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { compileExpression } from "../variables/expression.ts";
import type { Expression, Templated } from "../variables/templated.ts";
import { shortJson } from "./describe-value.ts";
import type { Condition } from "./playbook.ts";

/**
 * The conditions of `when`, `changed_when`, `failed_when` or `until`: an expression, a list of them, or true and false.
 *
 * @throws DiagnosticsError expression-syntax, wrong-type; with every finding.
 */
export function conditionsOf(keyword: string, value: Templated, fallback: SourceRange): Condition[] {
  const at = value.at ?? fallback;
  if (value.kind === "list") return listOf(keyword, value.items, at);
  if (value.kind === "expression") return [checked(keyword, value.expression, at)];
  if (value.kind === "text") throw braces(keyword, value.template.source, at);
  if (value.kind === "literal" && ["boolean", "string", "number"].includes(typeof value.value)) {
    const source = String(value.value);
    if (typeof value.value === "number")
      throw inputError("expression-type", `\`${keyword}: ${source}\` is neither true nor false`, {
        at,
        hint: `write true or false, or what is to be compared: \`${keyword}: count > ${source}\``,
      });
    if (source.includes("{%")) throw braces(keyword, source, at);
    return [checked(keyword, compileExpression(source, at), at)];
  }
  throw inputError("wrong-type", `\`${keyword}\` must be an expression or a list of them`, { at });
}

function listOf(keyword: string, items: readonly Templated[], at: SourceRange): Condition[] {
  const conditions: Condition[] = [];
  const problems = [];
  for (const item of items) {
    try {
      conditions.push(...conditionsOf(keyword, item, at));
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      problems.push(...error.diagnostics);
    }
  }
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return conditions;
}

/** `when: "{{ x }}"`: what to write instead, if that can be said. */
export function braces(keyword: string, source: string, at: SourceRange): DiagnosticsError {
  const bare = source.replace(/\{\{-?\s*|\s*-?\}\}/g, "").trim();
  const message = `\`${keyword}\` is an expression and needs no braces`;
  try {
    compileExpression(bare, at);
    return inputError("expression-syntax", message, { at, hint: `write \`${keyword}: ${bare}\`` });
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    const habit = error.diagnostics[0]?.hint;
    return inputError("expression-syntax", message, {
      at,
      hint:
        habit === undefined
          ? 'write it in CEL, such as `name == "x" and count > 0`'
          : `without them: ${habit}`,
    });
  }
}

/** A condition is true or false; text such as "false" is neither, and saying so beats guessing. */
function checked(keyword: string, expression: Expression, at: SourceRange): Condition {
  return {
    at,
    expression: {
      ...expression,
      evaluate: (scope) => {
        const value = expression.evaluate(scope);
        if (typeof value === "boolean") return value;
        throw inputError(
          "expression-type",
          `\`${keyword}: ${expression.source}\` is neither true nor false but ${shortJson(value)}`,
          {
            at,
            hint:
              typeof value === "string"
                ? `compare it: ${expression.source} == "…", or convert it: bool(${expression.source})`
                : `compare it: ${expression.source} != 0, length(…) > 0, … != null`,
          },
        );
      },
    },
  };
}
