import { convertedLazily } from "./lazy-map.ts";
import type { Value } from "./value.ts";
import { watchedAs } from "./watched-map.ts";

/**
 * A value as CEL takes it: whole numbers are BigInt there. Properties with a getter (the hosts in `hostvars`) stay lazy.
 */
export function toCel(value: Value): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value !== "object" || value === null) return value;
  const lazy = convertedLazily(value, toCel);
  if (lazy !== undefined) return lazy;
  const converted: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    const { get } = property;
    if (get === undefined) converted[key] = toCel(property.value as Value);
    else
      Object.defineProperty(converted, key, { enumerable: true, get: () => toCel(get.call(value) as Value) });
  }
  return watchedAs(value, converted);
}

/** A value of CEL as JSON can say it. */
export function fromCel(value: unknown): Value {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, one]) => [String(key), fromCel(one)]));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "object") {
    if (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null)
      return String(value);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fromCel(one)]));
  }
  return String(value);
}
