import { createHmac } from "node:crypto";
import type { DigestedParts } from "./plan.ts";

/** Names the value under this salt: equal values have equal digests. 128 bits, hexadecimal. */
export function digestOf(salt: string, value: unknown): string {
  const bytes = Buffer.isBuffer(value) ? value : canonical(value);
  return createHmac("sha256", salt).update(bytes).digest("hex").slice(0, 32);
}

/** The digests of an object's fields; of anything else one digest, under an empty name. */
export function digestParts(salt: string, value: unknown): DigestedParts {
  if (!isPlainObject(value)) return { "": digestOf(salt, value) };
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [key, digestOf(salt, item)]));
}

/** Names of the parts that differ, those that are on one side only among them. */
export function movedParts(before: DigestedParts, after: DigestedParts): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]);
}

/** Text that is the same for equal values, whatever the order of their keys. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, item: unknown) => {
      if (typeof item === "bigint") return `${item}n`;
      if (item instanceof Map) return { map: [...item.entries()] };
      if (item instanceof Set) return { set: [...item] };
      if (!isPlainObject(item)) return item;
      return Object.fromEntries(Object.entries(item).sort(([one], [other]) => (one < other ? -1 : 1)));
    }) ?? "undefined"
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !Buffer.isBuffer(value) &&
    !(value instanceof Map) &&
    !(value instanceof Set)
  );
}
