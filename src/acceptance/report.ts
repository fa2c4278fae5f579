import { z } from "zod";
import { type Expectations, judgeTests, type PoolerKind } from "./functional-tests.ts";
import type { PoolerMeasurements, Samples } from "./measurements.ts";
import { poolAt } from "./pool-figures.ts";
import { judgeRequirements } from "./requirements.ts";
import { percentiles } from "./statistics.ts";
import { type Limits, limitWords, meets, REQUIREMENT_NAMES, type Verdict, withUnit } from "./verdict.ts";

const number = z.number();
const distribution = z.array(number).describe("0th to 100th percentile; empty when it was not measured.");

const verdictSchema = z.strictObject({
  name: z.enum(REQUIREMENT_NAMES),
  title: z.string(),
  status: z.enum(["met", "missed", "not-measured", "not-judged"]),
  limit: number.nullable().describe("null: the figure is told and not judged."),
  comparison: z
    .enum(["below", "above", "at-least"])
    .describe("What the value has to be, compared with the limit."),
  unit: z.enum(["ms", "%", "clients"]),
  value: number.nullable(),
  spread: z.strictObject({ low: number, high: number, meaning: z.string() }).nullable(),
  isCertain: z.boolean().describe("The whole spread lies on the verdict's side of the limit."),
  count: number.describe("How many samples, queries or clients the value comes from."),
  method: z.string(),
  details: z.array(z.string()),
  reason: z.string().nullable().describe("Why it was not measured."),
});

const testSchema = z.strictObject({
  name: z.string(),
  title: z.string(),
  status: z.enum(["passed", "failed", "not-made"]),
  expected: z.string(),
  observed: z.string(),
  detail: z.string(),
  why: z.string().describe("Why that was expected."),
});

const poolerSchema = z.strictObject({
  name: z.string(),
  version: z.string().describe("PgBouncer's; empty when it did not answer."),
  serverVersion: z.string().describe("PostgreSQL's; empty when it did not answer."),
  poolMode: z.string(),
  client: z.string().describe("The host that the clients were on."),
  database: z.string(),
  user: z.string(),
  requirements: z.array(verdictSchema),
  tests: z.array(testSchema),
  notMeasured: z.array(z.string()).describe("What nobody should read into this report."),
  series: z.strictObject({
    loginMs: z.strictObject({ direct: distribution, pooled: distribution }),
    latencyMs: z.strictObject({ direct: distribution, pooled: distribution }),
    pool: z
      .array(
        z.strictObject({
          at: number,
          phase: z.string(),
          openPercent: number,
          waiting: number,
          clients: number,
          servers: number,
        }),
      )
      .describe("The pool from the inside; `at` in seconds."),
    restart: z
      .array(z.strictObject({ at: number, answers: number, errors: number }))
      .describe("Answers and errors while the pooler was restarted; `at` in seconds."),
  }),
});

/** The report as a document of its own: `report.json`. A field that is taken away or means something else makes another version. */
export const reportSchema = z.strictObject({
  format: z.literal("plumb-pgbouncer-acceptance"),
  version: z.literal(1),
  finished: z.string().describe("ISO 8601."),
  accepted: z
    .boolean()
    .describe(
      "Every requirement that has a limit is met, and every test passed; what was not measured is not met.",
    ),
  problems: z.array(z.string()).describe("Why it is not accepted, a sentence each."),
  poolers: z.array(poolerSchema),
});

export type Report = z.infer<typeof reportSchema>;
export type PoolerReport = Report["poolers"][number];

export interface Demands {
  limits: Limits;
  expectations: Expectations;
  /** How long a client may be without an answer when the pooler is restarted. */
  recoveryLimitMs: number;
  /** Tests that are no reason to refuse when they were not made. */
  mayBeLeftOut: readonly string[];
}

/** Judges what was measured. Pure: the same measurements give the same report. */
export function buildReport(
  measured: readonly PoolerMeasurements[],
  demands: Demands,
  finished: string,
): Report {
  const poolers = measured.map((one) => poolerReport(one, demands));
  const problems = poolers.flatMap((pooler) => problemsOf(pooler, demands));
  return {
    format: "plumb-pgbouncer-acceptance",
    version: 1,
    finished,
    accepted: problems.length === 0,
    problems,
    poolers,
  };
}

const NEVER_MEASURED: readonly string[] = [
  "Percentiles of the wait in PgBouncer's queue: it counts sums only. What clients waited in all is in their own times.",
  "Clients on other hosts, and networks other than the one between this client, this pooler and this PostgreSQL.",
  "Your own queries, unless verify_query and verify_normal_clients say what they are like.",
  "Waits as long as query_wait_timeout is configured: it was shorter for its test.",
  "What happens when PostgreSQL fails over, or a whole host is lost.",
];

/** What is missed and what failed, each by itself; then what is not known, once for each reason. */
function problemsOf({ name, requirements, tests }: PoolerReport, { mayBeLeftOut }: Demands): string[] {
  const unknown = new Map<string, string[]>();
  const notKnown = (reason: string, title: string): void => {
    unknown.set(reason, [...(unknown.get(reason) ?? []), title]);
  };
  for (const { status, limit, title, reason } of requirements)
    if (status === "not-measured" && limit !== null) notKnown(reason ?? "", title);
  for (const test of tests)
    if (test.status === "not-made" && !mayBeLeftOut.includes(test.name)) notKnown(test.detail, test.title);
  return [
    ...requirements.filter(({ status }) => status === "missed").map(missWords),
    ...tests
      .filter(({ status }) => status === "failed")
      .map(
        ({ title, observed, expected, detail }) => `${title}: ${observed}, expected ${expected}: ${detail}`,
      ),
    ...[...unknown].map(([reason, titles]) => `not measured: ${titles.join(", ")}: ${reason}`),
  ].map((problem) => `${name}: ${problem}`);
}

function missWords(verdict: Verdict): string {
  const { title, value, unit, comparison, limit, details } = verdict;
  const detail = details[0] ?? "";
  // Errors miss a requirement whose figure is right.
  if (value === null || limit === null || meets(value, comparison, limit)) return `${title}: ${detail}`;
  return `${title}: ${withUnit(value, unit)}, ${limitWords(verdict)} is required (${detail})`;
}

function poolerReport(measured: PoolerMeasurements, demands: Demands): PoolerReport {
  const { samples, single, functions, restart } = measured.parts;
  const kind = kindOf(measured, samples);
  const login = "reason" in single ? { direct: [], pooled: [] } : single.measured.login;
  const latency = "reason" in single ? { direct: [], pooled: [] } : single.measured.latency;
  const loginMs = (times: readonly [number, number][]): number[] =>
    distributionOf(times.map(([loggedIn]) => loggedIn));
  const requirements = judgeRequirements(measured, demands.limits);
  const tests = judgeTests(kind, functions, restart, demands.recoveryLimitMs, demands.expectations);
  return {
    name: measured.name,
    version: kind.version,
    serverVersion:
      "reason" in samples
        ? ""
        : (samples.measured.samples.find(({ server }) => server !== undefined)?.server?.["version"] ?? ""),
    poolMode: kind.poolMode,
    client: measured.client,
    database: measured.database,
    user: measured.user,
    requirements,
    tests,
    notMeasured: [
      ...requirements.flatMap(({ title, reason }) => (reason === null ? [] : [`${title}: ${reason}`])),
      ...tests.flatMap(({ title, status, detail }) => (status === "not-made" ? [`${title}: ${detail}`] : [])),
      ...("reason" in samples || samples.measured.server_problem === null
        ? []
        : [`PostgreSQL's own counts: ${samples.measured.server_problem}`]),
      ...NEVER_MEASURED,
    ],
    series: {
      loginMs: { direct: loginMs(login.direct), pooled: loginMs(login.pooled) },
      latencyMs: { direct: distributionOf(latency.direct), pooled: distributionOf(latency.pooled) },
      pool: "reason" in samples ? [] : poolSeries(samples.measured, measured),
      restart:
        "reason" in restart
          ? []
          : restart.measured.timeline.map(([answers, errors], index) => ({
              at: (index * restart.measured.bin_ms) / 1000,
              answers,
              errors,
            })),
    },
  };
}

const distributionOf = (values: readonly number[]): number[] =>
  values.length === 0 ? [] : percentiles(values);

function kindOf(
  { database, user }: PoolerMeasurements,
  samples: PoolerMeasurements["parts"]["samples"],
): PoolerKind {
  if ("reason" in samples) return { version: "", poolMode: "", setting: () => undefined };
  const { version, config, samples: taken } = samples.measured;
  const settings = new Map(config.map((row) => [row["key"], row["value"] ?? ""]));
  const pool = taken
    .flatMap(({ instances }) => instances)
    .flatMap(({ pools }) => pools)
    .find((row) => row["database"] === database && row["user"] === user);
  return {
    version,
    // A database or a user may have a mode of its own: the pool's row has the one that counts.
    poolMode: pool?.["pool_mode"] ?? settings.get("pool_mode") ?? "",
    setting: (name) => settings.get(name),
  };
}

/** At most so many points are drawn. */
const MOST_POINTS = 600;

function poolSeries(
  { samples }: Samples,
  { database, user }: PoolerMeasurements,
): PoolerReport["series"]["pool"] {
  const every = Math.max(1, Math.ceil(samples.length / MOST_POINTS));
  return samples
    .filter((_, index) => index % every === 0)
    .map((sample) => {
      const { size, open, waiting, clients, servers } = poolAt(sample, database, user);
      return {
        at: sample.at,
        phase: sample.phase,
        openPercent: (100 * open) / Math.max(1, size),
        waiting,
        clients,
        servers,
      };
    });
}
