/** What a variable, a parameter or a result can hold: what JSON can say. */
export type Value = null | boolean | number | string | Value[] | ValueMap;

export interface ValueMap {
  [key: string]: Value;
}

/** Whether the value is a mapping (not a list, not null). */
export function isValueMap(value: unknown): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
