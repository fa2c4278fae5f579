import type { Value } from "../value.ts";
import { byCodePoint } from "./order.ts";

export interface JsonStyle {
  /** Blanks for each level; undefined for one line. */
  indent?: number | undefined;
  sortsKeys: boolean;
}

/** JSON exactly as Ansible writes it (Python's json.dumps), so that a file that was written by the one is the same by the other. */
export function jsonText(value: Value, style: JsonStyle, depth = 0): string {
  if (typeof value !== "object" || value === null)
    return typeof value === "string" ? quoted(value) : JSON.stringify(value);
  const parts = Array.isArray(value)
    ? value.map((item) => jsonText(item, style, depth + 1))
    : entriesOf(value, style).map(([key, one]) => `${quoted(key)}: ${jsonText(one, style, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (parts.length === 0) return open + close;
  if (style.indent === undefined) return open + parts.join(", ") + close;
  const margin = `\n${" ".repeat(style.indent * (depth + 1))}`;
  return `${open}${margin}${parts.join(`,${margin}`)}\n${" ".repeat(style.indent * depth)}${close}`;
}

function entriesOf(value: Record<string, Value>, { sortsKeys }: JsonStyle): [string, Value][] {
  const entries = Object.entries(value);
  return sortsKeys ? entries.sort(([a], [b]) => byCodePoint(a, b)) : entries;
}

/** Everything beyond ASCII as \u, unit by unit. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) =>
    unit === "\u007f" ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
