/**
 * What goes into the check sum of SOPS, a program in Go, for a value that stands in YAML in plain text: numbers without exponent and in base ten, truth values as
 * in Python, times as in RFC 3339, nothing for null (yaml.v3's `resolve`, SOPS's `ToBytes`).
 *
 * @param source the value as it is written, where it has no quotes.
 */
export function goScalar(value: unknown, source: string | undefined): string {
  if (source !== undefined && typeof value !== "boolean" && value !== null)
    return timeOf(source) ?? integerOf(source) ?? floatOf(source) ?? bytesOf(value);
  return bytesOf(value);
}

/** The same for a value that has its type already. */
export function bytesOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" ? withoutExponent(value) : "";
}

const INTEGER = /^([-+]?)(?:0([xX][0-9a-fA-F]+|[oO]?[0-7]+|[bB][01]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const TIME =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]| )(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?(Z|[-+]\d{2}:\d{2})?)?$/;

function integerOf(source: string): string | undefined {
  const [, sign = "", other, decimal] = INTEGER.exec(source.replaceAll("_", "")) ?? [];
  const digits =
    decimal ?? (other === undefined ? undefined : `0${/^[0-7]/.test(other) ? `o${other}` : other}`);
  if (digits === undefined) return undefined;
  const number = BigInt(digits);
  return `${sign === "-" && number !== 0n ? "-" : ""}${number}`;
}

function floatOf(source: string): string | undefined {
  const plain = source.replaceAll("_", "");
  return FLOAT.test(plain) ? withoutExponent(Number(plain)) : undefined;
}

function timeOf(source: string): string | undefined {
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] =
    TIME.exec(source) ?? [];
  if (year === undefined) return undefined;
  const two = (text: string | undefined): string => (text ?? "").padStart(2, "0");
  const rest = fraction.replace(/0+$/, "");
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${rest === "" ? "" : `.${rest}`}${zone === "+00:00" ? "Z" : zone}`;
}

function withoutExponent(value: number): string {
  const [digits = "", exponent] = String(value).split("e");
  if (exponent === undefined) return digits;
  const by = Number(exponent);
  const sign = digits.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = digits.replace("-", "").split(".");
  const all = whole + fraction;
  const point = whole.length + by;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${all}`;
  return point >= all.length
    ? `${sign}${all.padEnd(point, "0")}`
    : `${sign}${all.slice(0, point)}.${all.slice(point)}`;
}
