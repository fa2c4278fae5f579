import type { Scope } from "./scope.ts";
import type { Templated } from "./templated.ts";
import type { Value } from "./value.ts";

/**
 * The value of what stands in YAML, for one host and item.
 *
 * @throws DiagnosticsError, PendingVariable
 */
export function evaluate(templated: Templated, scope: Scope): Value {
  switch (templated.kind) {
    case "literal":
      return templated.value;
    case "text":
      return templated.template.evaluate(scope);
    case "expression":
      return templated.expression.evaluate(scope);
    case "list":
      return templated.items.map((item) => evaluate(item, scope));
    case "map":
      return Object.fromEntries(templated.entries.map(({ key, value }) => [key, evaluate(value, scope)]));
  }
}

/** The value if it is the same for every host; undefined when a template or an expression stands in it. */
export function literalOf(templated: Templated): Value | undefined {
  switch (templated.kind) {
    case "literal":
      return templated.value;
    case "list": {
      const items = templated.items.map(literalOf);
      return items.some((item) => item === undefined) ? undefined : (items as Value[]);
    }
    case "map": {
      const entries = templated.entries.map(({ key, value }) => [key, literalOf(value)] as const);
      return entries.some(([, value]) => value === undefined)
        ? undefined
        : Object.fromEntries(entries as [string, Value][]);
    }
    default:
      return undefined;
  }
}
