import type { Value } from "../value.ts";
import { attribute } from "./attribute.ts";
import {
  describe,
  given,
  type LibraryFunction,
  list,
  number,
  oneOf,
  text,
  whole,
} from "./library-function.ts";
import { order, withoutCase } from "./order.ts";

/** The items, or of each the value of a key. */
function subjects(name: string, value: Value | undefined, key: Value | undefined): Value[] {
  const items = list(name, value);
  if (key === undefined || key === null) return items;
  return items.map((item) => {
    const found = attribute(item, text(name, key));
    if (found === undefined) throw new Error(`${name}: an item has no \`${text(name, key)}\``);
    return found;
  });
}

function extreme(name: "min" | "max", [value, key]: readonly (Value | undefined)[]): Value {
  const items = list(name, value);
  const keys = subjects(name, value, key);
  if (items.length === 0) throw new Error(`${name}: the list is empty`);
  let best = 0;
  for (const [index, one] of keys.entries()) {
    const sign = order(name, withoutCase(one), withoutCase(keys[best] ?? null));
    if (name === "min" ? sign < 0 : sign > 0) best = index;
  }
  return items[best] ?? null;
}

/** Half goes to the even neighbour, as Python rounds. */
function roundedHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function rounded(value: number, digits: number, method: "common" | "ceil" | "floor"): number {
  const scale = 10 ** digits;
  const scaled = Number((value * scale).toPrecision(15));
  const whole =
    method === "ceil" ? Math.ceil(scaled) : method === "floor" ? Math.floor(scaled) : roundedHalfEven(scaled);
  return whole / scale;
}

const binary = (
  name: string,
  {
    summary,
    example,
    compute,
  }: { summary: string; example: LibraryFunction["example"]; compute: (a: number, b: number) => number },
): LibraryFunction => ({
  name,
  parameters: ["a", "b"],
  summary,
  example,
  call: ([a, b]) => {
    const result = compute(number(name, a), number(name, b));
    if (!Number.isFinite(result))
      throw new Error(`${name}: ${describe(a)} and ${describe(b)} give no number`);
    return result;
  },
});

/** Functions for numbers. */
export const numberFunctions: readonly LibraryFunction[] = [
  {
    name: "min",
    parameters: ["list", "attribute?"],
    summary: "The smallest item of a list, or the one of which a key is smallest.",
    example: { expression: "min([3, 1])", value: 1 },
    call: (args) => extreme("min", args),
  },
  {
    name: "max",
    parameters: ["list", "attribute?"],
    summary: "The largest item of a list, or the one of which a key is largest.",
    example: { expression: "max([3, 1])", value: 3 },
    call: (args) => extreme("max", args),
  },
  {
    name: "sum",
    parameters: ["list", "attribute?", "start?"],
    summary: "The numbers of a list, or of a key of its items, added up.",
    example: { expression: "sum([1, 2])", value: 3 },
    call: ([value, key, start]) =>
      subjects("sum", value, key).reduce<number>(
        (total, one) => total + number("sum", one),
        given(start, (one) => number("sum", one), 0),
      ),
  },
  {
    name: "abs",
    parameters: ["number"],
    summary: "The number without its sign.",
    example: { expression: "abs(-2)", value: 2 },
    call: ([value]) => Math.abs(number("abs", value)),
  },
  {
    name: "floor",
    parameters: ["number"],
    summary: "The next whole number below.",
    example: { expression: "floor(1.7)", value: 1 },
    call: ([value]) => Math.floor(number("floor", value)),
  },
  {
    name: "ceil",
    parameters: ["number"],
    summary: "The next whole number above.",
    example: { expression: "ceil(1.2)", value: 2 },
    call: ([value]) => Math.ceil(number("ceil", value)),
  },
  {
    name: "round",
    parameters: ["number", "digits?", "method?"],
    summary:
      "The number with so many digits behind the point (0); `method`: common (half to even), ceil, floor.",
    example: { expression: "round(2.718, 1)", value: 2.7 },
    call: ([value, digits, method]) =>
      rounded(
        number("round", value),
        given(digits, (one) => whole("round", one, -15, 15), 0),
        given(method, (one) => oneOf("round", text("round", one), ["common", "ceil", "floor"]), "common"),
      ),
  },
  {
    name: "log",
    parameters: ["number", "base?"],
    summary: "The logarithm to a base; without one the natural one.",
    example: { expression: "log(8, 2)", value: 3 },
    call: ([value, base]) => {
      const found = given(
        base,
        (one) =>
          one === 2
            ? Math.log2
            : one === 10
              ? Math.log10
              : (x: number) => Math.log(x) / Math.log(number("log", one)),
        Math.log,
      )(number("log", value));
      if (!Number.isFinite(found)) throw new Error(`log: ${describe(value)} has none`);
      return found;
    },
  },
  binary("add", {
    summary: "Both added: templates have no operators.",
    example: { expression: "add(1, 2)", value: 3 },
    compute: (a, b) => a + b,
  }),
  binary("subtract", {
    summary: "The second taken from the first.",
    example: { expression: "subtract(3, 2)", value: 1 },
    compute: (a, b) => a - b,
  }),
  binary("multiply", {
    summary: "Both multiplied.",
    example: { expression: "multiply(2, 3)", value: 6 },
    compute: (a, b) => a * b,
  }),
  binary("divide", {
    summary: "The first divided by the second, with what stands behind the point.",
    example: { expression: "divide(3, 2)", value: 1.5 },
    compute: (a, b) => a / b,
  }),
  binary("modulo", {
    summary: "What is left after dividing the first by the second.",
    example: { expression: "modulo(7, 3)", value: 1 },
    // Python's: the sign is that of the divisor.
    compute: (a, b) => ((a % b) + b) % b,
  }),
  binary("pow", {
    summary: "The first to the power of the second.",
    example: { expression: "pow(2, 10)", value: 1024 },
    compute: (a, b) => a ** b,
  }),
];
