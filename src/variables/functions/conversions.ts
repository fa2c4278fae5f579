import type { Value } from "../value.ts";
import { textOf } from "../written-value.ts";
import { describe, given, type LibraryFunction, text, whole } from "./library-function.ts";

const SIZES: Readonly<Record<string, number>> = { B: 0, K: 1, M: 2, G: 3, T: 4, P: 5, E: 6, Z: 7, Y: 8 };

function wholeNumber(value: Value | undefined, base: number): number | undefined {
  if (typeof value === "number") return Math.trunc(value);
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "string") return undefined;
  const digits = value.trim().toLowerCase().replaceAll("_", "");
  const sign = digits.startsWith("-") ? -1 : 1;
  const bare = digits
    .replace(/^[+-]/, "")
    .replace(base === 16 ? /^0x/ : base === 8 ? /^0o/ : base === 2 ? /^0b/ : /^(?!)/, "");
  const allowed = "0123456789abcdefghijklmnopqrstuvwxyz".slice(0, base);
  if (bare !== "" && [...bare].every((one) => allowed.includes(one)))
    return sign * Number.parseInt(bare, base);
  // Jinja2 takes "1.9" for 1.
  return base === 10 && /^\d*\.?\d+(e[+-]?\d+)?$/.test(bare) ? sign * Math.trunc(Number(bare)) : undefined;
}

const TRUE = new Set<Value>([true, 1, "yes", "on", "1", "true", "t", "y"]);
const FALSE = new Set<Value>([false, 0, "no", "off", "0", "false", "f", "n", ""]);

/** Functions that make one type of another. */
export const conversionFunctions: readonly LibraryFunction[] = [
  {
    name: "to_int",
    parameters: ["value", "fallback?", "base?"],
    summary: "Text or a number as a whole number; the fallback where the text is none, an error without one.",
    example: { expression: 'to_int("42")', value: 42 },
    call: ([value, fallback, base]) => {
      const made = wholeNumber(
        value,
        given(base, (one) => whole("to_int", one, 2, 36), 10),
      );
      if (made !== undefined && Number.isFinite(made)) return made;
      if (fallback !== undefined && fallback !== null) return fallback;
      throw new Error(`to_int: ${JSON.stringify(value ?? null)} is not a whole number`);
    },
  },
  {
    name: "to_float",
    parameters: ["value", "fallback?"],
    summary: "Text or a number as a number; the fallback where the text is none, an error without one.",
    example: { expression: 'to_float("1.5")', value: 1.5 },
    call: ([value, fallback]) => {
      const made = typeof value === "number" ? value : Number(text("to_float", value).trim() || Number.NaN);
      if (Number.isFinite(made)) return made;
      if (fallback !== undefined && fallback !== null) return fallback;
      throw new Error(`to_float: ${JSON.stringify(value ?? null)} is not a number`);
    },
  },
  {
    name: "to_bool",
    parameters: ["value"],
    summary:
      "`yes`, `on`, `true`, `1` are true; `no`, `off`, `false`, `0` and nothing are false; anything else is an error.",
    example: { expression: 'to_bool("yes")', value: true },
    call: ([value]) => {
      const word = typeof value === "string" ? value.trim().toLowerCase() : (value ?? false);
      if (TRUE.has(word)) return true;
      if (FALSE.has(word)) return false;
      throw new Error(`to_bool: ${describe(value)} is neither true nor false`);
    },
  },
  {
    name: "to_text",
    parameters: ["value"],
    summary: "The value as text: lists and mappings as JSON.",
    example: { expression: "to_text(42)", value: "42" },
    call: ([value]) => textOf(value),
  },
  {
    name: "human_to_bytes",
    parameters: ["text", "unit?"],
    summary: "A size such as `10M` or `1.5 GB` in bytes (1 K is 1024); the unit for text that has none.",
    example: { expression: 'human_to_bytes("1.5K")', value: 1536 },
    call: ([value, unit]) => {
      const parts = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text("human_to_bytes", value));
      const written = parts?.[2] || given(unit, (one) => text("human_to_bytes", one), "B");
      const power = /^[BKMGTPEZY](i?B|ytes?)?$/i.test(written)
        ? SIZES[(written[0] ?? "").toUpperCase()]
        : undefined;
      if (parts === null || power === undefined)
        throw new Error(`human_to_bytes: ${describe(value)} is not a size such as 10M`);
      return Math.round(Number(parts[1]) * 1024 ** power);
    },
  },
  {
    name: "human_readable",
    parameters: ["bytes", "isbits?", "unit?"],
    summary: "Bytes as people read them, with two digits behind the point.",
    example: { expression: "human_readable(1536)", value: "1.50 KB" },
    call: ([value, isBits, unit]) => {
      const bytes = typeof value === "number" ? value : Number(text("human_readable", value));
      if (!Number.isFinite(bytes)) throw new Error(`human_readable: ${describe(value)} is not a number`);
      const wanted = given(unit, (one) => text("human_readable", one).toUpperCase()[0], undefined);
      const names = Object.entries(SIZES).sort(([, a], [, b]) => b - a);
      const [name, power] = names.find(([letter, size]) =>
        wanted === undefined ? bytes >= 1024 ** size : letter === wanted,
      ) ?? ["B", 0];
      const word = isBits === true ? "b" : "B";
      const suffix = name === "B" ? (isBits === true ? "bits" : "Bytes") : `${name}${word}`;
      return `${(bytes / 1024 ** power).toFixed(2)} ${suffix}`;
    },
  },
];
