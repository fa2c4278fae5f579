/** One of the ticket's requirements, judged. */
export interface Verdict {
  name: RequirementName;
  title: string;
  status: "met" | "missed" | "not-measured" | "not-judged";
  /** undefined in `limit` when nothing was demanded. */
  limit: number | null;
  comparison: "below" | "above" | "at-least";
  unit: "ms" | "%" | "clients";
  value: number | null;
  /** Between which the value lies, and what that means. */
  spread: { low: number; high: number; meaning: string } | null;
  /** Whether the whole spread lies on the verdict's side of the limit. */
  isCertain: boolean;
  /** How many samples, queries or clients the value comes from. */
  count: number;
  method: string;
  details: string[];
  /** Why it was not measured. */
  reason: string | null;
}

export const REQUIREMENTS = {
  connection_ms: { title: "Connection time", unit: "ms", comparison: "below" },
  utilisation_percent: { title: "Pool utilisation under normal load", unit: "%", comparison: "below" },
  wait_ms: { title: "Wait for a server connection", unit: "ms", comparison: "below" },
  reuse_percent: { title: "Reuse of server connections", unit: "%", comparison: "above" },
  clients: { title: "Clients at once", unit: "clients", comparison: "at-least" },
  reduction_percent: { title: "Fewer connections to PostgreSQL", unit: "%", comparison: "above" },
  overhead_ms: { title: "Latency overhead", unit: "ms", comparison: "below" },
} as const;

export type RequirementName = keyof typeof REQUIREMENTS;

export const REQUIREMENT_NAMES = Object.keys(REQUIREMENTS) as RequirementName[];

/** null: the figure is told and not judged. */
export type Limits = Readonly<Record<RequirementName, number | null>>;

/** A functional test, judged. */
export interface TestVerdict {
  name: string;
  title: string;
  status: "passed" | "failed" | "not-made";
  expected: string;
  observed: string;
  detail: string;
  /** Why that was expected. */
  why: string;
}

const WORDS = { below: "less than", above: "more than", "at-least": "at least" } as const;

/** "less than 5 ms" */
export function limitWords({
  comparison,
  limit,
  unit,
}: Pick<Verdict, "comparison" | "limit" | "unit">): string {
  return limit === null ? "nothing demanded" : `${WORDS[comparison]} ${withUnit(limit, unit)}`;
}

/** Three digits that mean something; near 100 % more, where the difference is what matters. */
export function withUnit(value: number, unit: Verdict["unit"]): string {
  const rounded = value.toFixed(digitsOf(Math.abs(value), unit));
  const shortest = rounded.includes(".") ? rounded.replace(/\.?0+$/, "") : rounded;
  return `${shortest}${unit === "%" ? " %" : ` ${unit}`}`;
}

function digitsOf(size: number, unit: Verdict["unit"]): number {
  if (unit === "clients" || size >= 100) return 0;
  if (unit === "%" && size > 99) return 2;
  if (size >= 10) return 1;
  if (size >= 1) return 2;
  return size >= 0.001 || size === 0 ? 3 : 6;
}

/** Whether a value is on the right side of its limit. */
export function meets(value: number, comparison: Verdict["comparison"], limit: number): boolean {
  if (comparison === "below") return value < limit;
  return comparison === "above" ? value > limit : value >= limit;
}
