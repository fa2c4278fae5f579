import type { Templated } from "../variables/templated.ts";

/** A value as text in which two values are the same if they were written alike; the order of keys does not count. */
export function writtenText(value: Templated): string {
  switch (value.kind) {
    case "literal":
      return JSON.stringify(value.value);
    case "text":
      return JSON.stringify(value.template.source);
    case "expression":
      return `!expr ${value.expression.source}`;
    case "list":
      return `[${value.items.map(writtenText).join(",")}]`;
    case "map":
      return `{${value.entries
        .map(({ key, value: inner }) => `${JSON.stringify(key)}:${writtenText(inner)}`)
        .sort()
        .join(",")}}`;
  }
}
