import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { Scope } from "./scope.ts";
import type { Templated } from "./templated.ts";

export interface PositionOptions {
  /** Of the last step, the key rather than its value. */
  ofKey?: boolean;
  /** Where a value is nothing but `{{ name }}`, the search goes on where that variable was written. */
  scope?: Scope | undefined;
}

/** `{{ name }}` or `{{ name.key }}` and nothing else: what is wrong with its value is wrong where the variable was written. */
const REFERENCE = /^\s*\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}\s*$/;

/**
 * Where a part of a value stands, as deep as the path leads: `["settings", "pool_mode"]` in a parameter that is written out, or, through
 * `{{ pgbouncer_settings }}`, in the group_vars file that the value came from.
 *
 * @returns undefined for what no file says.
 */
export function positionInside(
  value: Templated,
  path: readonly string[],
  options: PositionOptions = {},
): SourceRange | undefined {
  const reference = referenceIn(value);
  if (reference !== undefined) {
    const [name = "", ...inner] = reference;
    return options.scope?.sourceOf(name, [...inner, ...path], options.ofKey) ?? value.at;
  }
  const [step, ...rest] = path;
  if (step === undefined) return value.at;
  if (value.kind === "map") {
    const entry = value.entries.find(({ key }) => key === step);
    if (entry === undefined) return value.at;
    if (rest.length === 0 && options.ofKey === true) return entry.keyAt ?? entry.value.at ?? value.at;
    return positionInside(entry.value, rest, options) ?? entry.keyAt ?? value.at;
  }
  if (value.kind === "list") {
    const item = value.items[Number(step)];
    return (item === undefined ? undefined : positionInside(item, rest, options)) ?? value.at;
  }
  return value.at;
}

function referenceIn(value: Templated): string[] | undefined {
  const source =
    value.kind === "text"
      ? REFERENCE.exec(value.template.source)?.[1]
      : value.kind === "expression" && /^[A-Za-z_]\w*(\.\w+)*$/.test(value.expression.source)
        ? value.expression.source
        : undefined;
  return source?.split(".");
}
