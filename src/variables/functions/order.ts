import type { Value } from "../value.ts";
import { describe } from "./library-function.ts";

/**
 * How two values stand to each other: two numbers by size, two texts by code point, lists item by item.
 *
 * @throws Error naming the function for what has no order.
 */
export function order(name: string, a: Value | undefined, b: Value | undefined): number {
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return byCodePoint(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    for (const [index, item] of a.entries()) {
      if (index >= b.length) return 1;
      const sign = order(name, item, b[index]);
      if (sign !== 0) return sign;
    }
    return a.length - b.length;
  }
  throw new Error(`${name}: needs two numbers or two texts, not ${describe(a)} and ${describe(b)}`);
}

/** Text as Ansible orders it: capital letters beside small ones. */
export function withoutCase(value: Value): Value {
  return typeof value === "string" ? value.toLowerCase() : value;
}

/** Text by code point, as Python has it: JavaScript's own order looks at halves of characters beyond the basic plane. */
export function byCodePoint(a: string, b: string): number {
  if (/[\ud800-\udfff]/.test(a + b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
