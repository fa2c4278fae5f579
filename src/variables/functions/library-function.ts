import type { Value } from "../value.ts";
import type { Keyring } from "../vault/keyring.ts";

/** A function for expressions (`name(a, b)`) and templates (`{{ name a b }}`). */
export interface LibraryFunction {
  name: string;
  /** Names for the reference; one that ends in `?` may be left out. */
  parameters: readonly string[];
  summary: string;
  /** A CEL expression and the value that it has; tests evaluate it. */
  example: { expression: string; value: Value };
  /**
   * @param keyring opens files that are vaulted.
   * @throws Error with a message for whoever wrote the expression.
   */
  call(args: readonly Value[], keyring?: Keyring): Value;
}

/** Calls a function; what it makes of a secret is secret too. */
export function callFunction({ call }: LibraryFunction, args: readonly Value[], keyring?: Keyring): Value {
  const result = call(args, keyring);
  keyring?.hideDerived(args, result);
  return result;
}

/** @throws Error naming the function when the argument is no text. */
export function text(name: string, value: Value | undefined): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error(`${name}: needs text, not ${describe(value)}`);
}

export function list(name: string, value: Value | undefined): Value[] {
  if (Array.isArray(value)) return value;
  throw new Error(`${name}: needs a list, not ${describe(value)}`);
}

export function map(name: string, value: Value | undefined): Record<string, Value> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new Error(`${name}: needs a mapping, not ${describe(value)}`);
}

export function number(name: string, value: Value | undefined): number {
  if (typeof value === "number") return value;
  throw new Error(`${name}: needs a number, not ${describe(value)}`);
}

function describe(value: Value | undefined): string {
  if (value === undefined || value === null) return "nothing";
  return Array.isArray(value)
    ? "a list"
    : typeof value === "object"
      ? "a mapping"
      : `the ${typeof value} ${JSON.stringify(value)}`;
}
