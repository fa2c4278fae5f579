import { z } from "zod";

/** What the measuring programs of roles/pgbouncer_acceptance write; `files/` there says how each figure comes about. Times are milliseconds unless a name says otherwise. */
const figure = z.number();
const row = z.record(z.string(), z.string());

const loginTimes = z.array(z.tuple([figure, figure]));

/** One client by itself, direct and pooled in turn: the n-th of both were measured right after each other. */
export const singleSchema = z.object({
  /** Each: until logged in, until the first query was answered. */
  login: z.object({ direct: loginTimes, pooled: loginTimes }),
  latency: z.object({ direct: z.array(figure), pooled: z.array(figure) }),
  direct_problem: z.string().nullable(),
});

/** Many clients at once. */
export const loadSchema = z.object({
  clients: figure,
  seconds: figure,
  logged_in: figure,
  /** Clients that got an answer while all were logged in. */
  served: figure,
  answered: figure,
  failed: figure,
  reconnects: figure,
  /** Answers that were another client's. */
  wrong: figure,
  /** From the first login's start until the last client was in. */
  login_seconds: figure,
  longest_gap_ms: figure,
  login_ms: z.array(figure),
  latency_ms: z.array(figure),
  errors: z.record(z.string(), figure),
  bin_ms: figure,
  /** For each bin: answers, errors. */
  timeline: z.array(z.tuple([figure, figure])),
});

/** What a client saw, test by test. */
export const functionsSchema = z.object({
  tests: z.array(z.object({ name: z.string(), observed: z.string(), detail: z.string() })),
});

const instanceSchema = z.object({
  pools: z.array(row),
  stats: z.array(row),
  /** Clients that waited for a server connection with a query, and how long they had waited altogether: PgBouncer's totals have a wait only when it is over. */
  waiting: z.array(z.object({ database: z.string(), clients: figure, wait_ms: figure })),
  lists: z.array(row),
  databases: z.array(row),
  servers: z.array(row),
  descriptors: figure.optional(),
  descriptor_limit: figure.optional(),
});

/** The pooler from the inside, again and again. Rows have the names that PgBouncer gives them, which differ from version to version. */
export const samplesSchema = z.object({
  version: z.string(),
  config: z.array(row),
  server_problem: z.string().nullable(),
  samples: z.array(
    z.object({
      /** Seconds since the first. */
      at: figure,
      phase: z.string(),
      instances: z.array(instanceSchema),
      server: row.optional(),
    }),
  ),
});

export type Single = z.infer<typeof singleSchema>;
export type Load = z.infer<typeof loadSchema>;
export type Functions = z.infer<typeof functionsSchema>;
export type Samples = z.infer<typeof samplesSchema>;
export type Sample = Samples["samples"][number];

/** The parts of a measurement, each a file of its own. */
export const PARTS = {
  samples: samplesSchema,
  single: singleSchema,
  normal: loadSchema,
  crowd: loadSchema,
  functions: functionsSchema,
  restart: loadSchema,
} as const;

export type PartName = keyof typeof PARTS;

/** A part that is there, or why it is not. */
export type Part<Type> = { measured: Type } | { reason: string };

/** Everything that was measured of one pooler. */
export interface PoolerMeasurements {
  name: string;
  client: string;
  database: string;
  user: string;
  parts: { [Name in PartName]: Part<z.infer<(typeof PARTS)[Name]>> };
}
