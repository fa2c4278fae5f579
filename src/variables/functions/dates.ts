import type { Value } from "../value.ts";
import { describe, given, type LibraryFunction, text } from "./library-function.ts";
import { strftime, strptime } from "./strftime.ts";

/** Ansible's form for to_datetime. */
const FORMAT = "%Y-%m-%d %H:%M:%S";

/** Seconds since 1970, or text in the form of ISO 8601. */
function timeOf(name: string, value: Value): Date {
  if (typeof value === "number") return new Date(value * 1000);
  const written = text(name, value);
  if (/^\d+(\.\d+)?$/.test(written)) return new Date(Number(written) * 1000);
  const iso = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/.test(written);
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(written.slice(10));
  const at = new Date(hasZone || written.length === 10 ? written : `${written.replace(" ", "T")}Z`);
  if (!iso || Number.isNaN(at.getTime()))
    throw new Error(
      `${name}: ${describe(value)} is neither seconds since 1970 nor a time such as 2026-01-31 12:00:00`,
    );
  return at;
}

const isoText = (at: Date): string => at.toISOString().replace(/\.000Z$/, "Z");

const parsed = (name: string, value: Value | undefined, format: Value | undefined): Date =>
  format === undefined || format === null
    ? timeOf(name, value ?? null)
    : strptime(text(name, value), text(name, format));

/** Functions for dates and times. Times are UTC. What `now` gives is another at every run: in a file it makes a change at every run. */
export const dateFunctions: readonly LibraryFunction[] = [
  {
    name: "now",
    parameters: ["format?"],
    summary: "The time now, in a form of strftime(3); as `2026-01-31T12:00:00Z` without one.",
    example: { expression: 'length(now("%Y-%m-%d"))', value: 10 },
    call: ([format]) => given(format, (one) => strftime(text("now", one), new Date()), isoText(new Date())),
  },
  {
    name: "strftime",
    parameters: ["format", "time?"],
    summary: "A time (seconds since 1970, or text; now, without one) in a form of strftime(3).",
    example: { expression: 'strftime("%Y-%m-%d", 1441357287)', value: "2015-09-04" },
    call: ([format, time]) =>
      strftime(
        text("strftime", format),
        given(time, (one) => timeOf("strftime", one), new Date()),
      ),
  },
  {
    name: "to_datetime",
    parameters: ["text", "format?"],
    summary: `The time that a text says in a form of strptime(3) (such as \`${FORMAT}\`, which need not be given), as \`2026-01-31T12:00:00Z\`.`,
    example: { expression: 'to_datetime("04/Sep/2015", "%d/%b/%Y")', value: "2015-09-04T00:00:00Z" },
    call: ([value, format]) => isoText(parsed("to_datetime", value, format)),
  },
  {
    name: "to_epoch",
    parameters: ["text", "format?"],
    summary: "The same as seconds since 1970; the difference of two is the time between them.",
    example: {
      expression: '(to_epoch("2026-01-02 00:00:00") - to_epoch("2026-01-01 00:00:00")) / 86400',
      value: 1,
    },
    call: ([value, format]) => parsed("to_epoch", value, format).getTime() / 1000,
  },
];
