const LONGEST_SHOWN = 60;

/** A value for a sentence: `the text "yes"`, `the number 3`, `a list`, `nothing`. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? `the text ${shortJson(value)}` : `the number ${String(value)}`;
}

/** A value as JSON, cut where it would fill the screen. */
export function shortJson(value: unknown): string {
  const json = JSON.stringify(value) ?? "nothing";
  return json.length > LONGEST_SHOWN ? `${json.slice(0, LONGEST_SHOWN - 1)}…` : json;
}
