const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const DAY_MS = 86_400_000;
const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** Day of the year, from 1. */
const dayOfYear = (at: Date): number =>
  Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;

/** ISO 8601: the week that has the year's first Thursday is its first. */
function isoWeek(at: Date): { year: number; week: number } {
  const thursday = new Date(at.getTime() + (4 - (at.getUTCDay() || 7)) * DAY_MS);
  return { year: thursday.getUTCFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}

/** What each letter of strftime(3) stands for, in the C locale and UTC. */
const DIRECTIVES: Readonly<Record<string, (at: Date) => string>> = {
  a: (at) => (DAYS[at.getUTCDay()] ?? "").slice(0, 3),
  A: (at) => DAYS[at.getUTCDay()] ?? "",
  b: (at) => (MONTHS[at.getUTCMonth()] ?? "").slice(0, 3),
  B: (at) => MONTHS[at.getUTCMonth()] ?? "",
  C: (at) => pad(Math.floor(at.getUTCFullYear() / 100)),
  d: (at) => pad(at.getUTCDate()),
  e: (at) => String(at.getUTCDate()).padStart(2),
  f: (at) => pad(at.getUTCMilliseconds() * 1000, 6),
  G: (at) => String(isoWeek(at).year),
  H: (at) => pad(at.getUTCHours()),
  I: (at) => pad(at.getUTCHours() % 12 || 12),
  j: (at) => pad(dayOfYear(at), 3),
  m: (at) => pad(at.getUTCMonth() + 1),
  M: (at) => pad(at.getUTCMinutes()),
  n: () => "\n",
  p: (at) => (at.getUTCHours() < 12 ? "AM" : "PM"),
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  S: (at) => pad(at.getUTCSeconds()),
  t: () => "\t",
  u: (at) => String(at.getUTCDay() || 7),
  U: (at) => pad(Math.floor((dayOfYear(at) + 6 - at.getUTCDay()) / 7)),
  V: (at) => pad(isoWeek(at).week),
  w: (at) => String(at.getUTCDay()),
  W: (at) => pad(Math.floor((dayOfYear(at) + 6 - ((at.getUTCDay() + 6) % 7)) / 7)),
  y: (at) => pad(at.getUTCFullYear() % 100),
  Y: (at) => pad(at.getUTCFullYear(), 4),
  z: () => "+0000",
  Z: () => "UTC",
  "%": () => "%",
};

/** Directives that stand for several. */
const SHORTHANDS: Readonly<Record<string, string>> = {
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  R: "%H:%M",
  T: "%H:%M:%S",
};

/** @throws Error for a letter that stands for nothing */
export function strftime(format: string, at: Date): string {
  return format.replace(/%(.|$)/gs, (directive, letter: string) => {
    const shorthand = Object.hasOwn(SHORTHANDS, letter) ? SHORTHANDS[letter] : undefined;
    if (shorthand !== undefined) return strftime(shorthand, at);
    const written = Object.hasOwn(DIRECTIVES, letter) ? DIRECTIVES[letter] : undefined;
    if (written === undefined) throw new Error(`strftime: ${directive} stands for nothing`);
    return written(at);
  });
}

/** What the letters that can be read back match. */
const READ: Readonly<Record<string, string>> = {
  b: "[A-Za-z]{3}",
  B: "[A-Za-z]+",
  d: "\\d{1,2}",
  f: "\\d{1,6}",
  H: "\\d{1,2}",
  I: "\\d{1,2}",
  m: "\\d{1,2}",
  M: "\\d{1,2}",
  p: "[AaPp][Mm]",
  s: "\\d+",
  S: "\\d{1,2}",
  y: "\\d{2}",
  Y: "\\d{4}",
  z: "Z|[+-]\\d{2}:?\\d{2}",
  a: "[A-Za-z]{3}",
  A: "[A-Za-z]+",
};

/**
 * The time that a text says in a form of strptime(3); UTC unless the text gives an offset.
 *
 * @throws Error when it does not have this form
 */
export function strptime(text: string, format: string): Date {
  const full = format.replace(/%([DFRT])/g, (_, letter: string) => SHORTHANDS[letter] ?? "");
  const letters: string[] = [];
  const pattern = full.replace(/%(.)|[\\^$.*+?()[\]{}|]/gs, (token, letter?: string) => {
    if (letter === undefined) return `\\${token}`;
    if (letter === "%") return "%";
    const read = Object.hasOwn(READ, letter) ? READ[letter] : undefined;
    if (read === undefined) throw new Error(`to_datetime: ${token} can't be read back`);
    letters.push(letter);
    return `(${read})`;
  });
  const match = new RegExp(`^${pattern}$`).exec(text);
  if (match === null) throw new Error(`to_datetime: "${text}" does not have the form ${format}`);
  const parts = new Map(letters.map((letter, index) => [letter, match[index + 1] ?? ""]));
  const at = timeOf(parts);
  if (at === undefined) throw new Error(`to_datetime: "${text}" is not a time that there is`);
  return at;
}

function timeOf(parts: ReadonlyMap<string, string>): Date | undefined {
  const number = (letter: string, otherwise: number): number => Number(parts.get(letter) ?? otherwise);
  if (parts.has("s")) return new Date(number("s", 0) * 1000);
  const short = number("y", 0);
  const year = parts.has("y") ? short + (short < 69 ? 2000 : 1900) : number("Y", 1900);
  const monthName = (parts.get("B") ?? parts.get("b"))?.toLowerCase();
  const month =
    monthName === undefined
      ? number("m", 1) - 1
      : MONTHS.findIndex((one) => one.toLowerCase().startsWith(monthName.slice(0, 3)));
  const isAfternoon = parts.get("p")?.toLowerCase() === "pm";
  const hour = parts.has("I") ? (number("I", 12) % 12) + (isAfternoon ? 12 : 0) : number("H", 0);
  const day = number("d", 1);
  const offset = /^([+-])(\d{2}):?(\d{2})$/.exec(parts.get("z") ?? "");
  const minutes =
    offset === null ? 0 : (offset[1] === "-" ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  const milliseconds = Math.floor(Number((parts.get("f") ?? "0").padEnd(6, "0")) / 1000);
  const at = new Date(Date.UTC(year, month, day, hour, number("M", 0), number("S", 0), milliseconds));
  const isThere =
    at.getUTCMonth() === month && at.getUTCDate() === day && at.getUTCHours() === hour && number("M", 0) < 60;
  return isThere ? new Date(at.getTime() - minutes * 60_000) : undefined;
}
