import type { Value } from "../value.ts";

/** What stands in an item under a key, or under keys with points between them (`a.b.0`); undefined where nothing does. */
export function attribute(item: Value | undefined, path: string): Value | undefined {
  let value: Value | undefined = item;
  for (const key of Object.hasOwn(Object(item), path) ? [path] : path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Array.isArray(value) ? value[Number(key)] : Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}
