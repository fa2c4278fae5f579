import type { Value } from "../value.ts";
import type { Keyring } from "../vault/keyring.ts";

/** A function for expressions (`name(a, b)`) and templates (`{{ name a b }}`). */
export interface LibraryFunction {
  name: string;
  /** Names for the reference, and for templates (`{{ name a key=b }}`); one that ends in `?` may be left out. */
  parameters: readonly string[];
  summary: string;
  /** Other names that people know it by, such as that of Ansible's filter. */
  aliases?: readonly string[];
  /** A CEL expression and the value that it has; tests evaluate it. */
  example: { expression: string; value: Value };
  /**
   * @param args what was left out is undefined, or not there.
   * @throws Error with a message for whoever wrote the expression.
   */
  call(args: readonly (Value | undefined)[], caller: Caller): Value;
}

/** What a function may know of the template or expression that calls it. */
export interface Caller {
  /** Opens files that are vaulted, and learns of secrets. */
  keyring: Keyring | undefined;
  /** A variable, rendered; undefined where no level defines it. */
  variable(name: string): Value | undefined;
  /** A template's text, rendered with the variables of the caller. */
  render(text: string, file: string): string;
}

/** Calls a function; what it makes of a secret is secret too. */
export function callFunction(
  { call }: LibraryFunction,
  args: readonly (Value | undefined)[],
  caller: Caller,
): Value {
  const result = call(args, caller);
  caller.keyring?.hideDerived(
    args.map((arg) => arg ?? null),
    result,
  );
  return result;
}

/** @throws Error naming the function when the argument is no text. */
export function text(name: string, value: Value | undefined): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error(`${name}: needs text, not ${describe(value)}`);
}

/** @throws Error naming the function when the argument is no list. */
export function list(name: string, value: Value | undefined): Value[] {
  if (Array.isArray(value)) return value;
  throw new Error(`${name}: needs a list, not ${describe(value)}`);
}

/** @throws Error naming the function when the argument is no mapping. */
export function map(name: string, value: Value | undefined): Record<string, Value> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new Error(`${name}: needs a mapping, not ${describe(value)}`);
}

/** @throws Error naming the function when the argument is no number. */
export function number(name: string, value: Value | undefined): number {
  if (typeof value === "number") return value;
  throw new Error(`${name}: needs a number, not ${describe(value)}`);
}

/** @throws Error naming the function when the argument is no whole number between the limits. */
export function whole(name: string, value: Value | undefined, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name}: needs a whole number from ${least} to ${most}, not ${describe(value)}`);
}

/** What was given for a parameter that may be left out; null stands for nothing, so that one after it can be given. */
export function given<Type>(value: Value | undefined, read: (value: Value) => Type, otherwise: Type): Type {
  return value === undefined || value === null ? otherwise : read(value);
}

/** @throws Error naming the function and what there is when the word is none of these. */
export function oneOf<Word extends string>(name: string, value: string, words: readonly Word[]): Word {
  const word = words.find((one) => one === value);
  if (word === undefined) throw new Error(`${name}: there is no \`${value}\`; there is ${words.join(", ")}`);
  return word;
}

/** A value for a sentence. */
export function describe(value: Value | undefined): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "boolean") return String(value);
  return `the ${typeof value === "string" ? "text" : "number"} ${JSON.stringify(value)}`;
}

/** What is true of a value where true or false is asked for: nothing that is empty, zero or null (as in Jinja2 and `{{#if}}`). */
export function isTruthy(value: Value | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
