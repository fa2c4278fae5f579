import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { compileExpression } from "../variables/expression.ts";
import type { Templated } from "../variables/templated.ts";
import type { Condition } from "./playbook.ts";

/**
 * The conditions of `when`, `changed_when`, `failed_when` or `until`: an expression, a list of them, or true and false.
 *
 * @throws DiagnosticsError expression-syntax, wrong-type
 */
export function conditionsOf(keyword: string, value: Templated, fallback: SourceRange): Condition[] {
  const at = value.at ?? fallback;
  if (value.kind === "list") return value.items.flatMap((item) => conditionsOf(keyword, item, at));
  if (value.kind === "expression") return [checked(keyword, value.expression, at)];
  if (value.kind === "text") {
    const bare = value.template.source.replace(/^\s*\{\{\s*|\s*\}\}\s*$/g, "");
    throw inputError("expression-syntax", `\`${keyword}\` is an expression and needs no braces`, {
      at,
      hint: `write ${keyword}: ${bare}`,
    });
  }
  if (value.kind === "literal" && typeof value.value === "boolean") {
    return [checked(keyword, compileExpression(String(value.value), at), at)];
  }
  if (value.kind === "literal" && (typeof value.value === "string" || typeof value.value === "number")) {
    return [checked(keyword, compileExpression(String(value.value), at), at)];
  }
  throw inputError("wrong-type", `\`${keyword}\` must be an expression or a list of them`, { at });
}

/** A condition is true or false; text such as "false" is neither, and saying so beats guessing. */
function checked(keyword: string, expression: Condition["expression"], at: SourceRange): Condition {
  return {
    at,
    expression: {
      ...expression,
      evaluate: (scope) => {
        const value = expression.evaluate(scope);
        if (typeof value === "boolean") return value;
        throw inputError(
          "expression-type",
          `\`${keyword}: ${expression.source}\` is neither true nor false but ${JSON.stringify(value)}`,
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
