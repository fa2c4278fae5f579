import { convertedLazily } from "./lazy-map.ts";
import type { Value, ValueMap } from "./value.ts";
import { convertedWatched } from "./watched-map.ts";

/** What mappings were converted to: facts and registered results are looked at again and again, and nobody changes a value once others have seen it. */
const conversions = new WeakMap<object, object>();

/**
 * A value as CEL takes it: whole numbers are BigInt there. What has none in it is taken as it is. Properties with a getter (the hosts in `hostvars`) stay lazy.
 */
export function toCel(value: Value): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(toCel);
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  return convertedLazily(value, toCel) ?? convertedWatched(value, mapToCel) ?? mapToCel(value);
}

function mapToCel(value: ValueMap): object {
  let converted = conversions.get(value);
  if (converted === undefined) {
    converted = convertEntries(value);
    conversions.set(value, converted);
  }
  return converted;
}

function convertEntries(value: ValueMap): object {
  const converted: Record<string, unknown> = {};
  let isOther = false;
  for (const key of Object.keys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    const get = property?.get;
    if (get === undefined) {
      converted[key] = toCel(property?.value as Value);
      isOther ||= converted[key] !== property?.value;
    } else {
      Object.defineProperty(converted, key, { enumerable: true, get: () => toCel(get.call(value) as Value) });
      isOther = true;
    }
  }
  return isOther ? converted : value;
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
