import type { Load, PoolerMeasurements, Sample, Single } from "../../src/acceptance/measurements.ts";
import type { Limits } from "../../src/acceptance/verdict.ts";

/** Measurements as the programs write them, with what a test is about put in. */

export const LIMITS: Limits = {
  connection_ms: 5,
  utilisation_percent: 80,
  wait_ms: 100,
  reuse_percent: 95,
  clients: 1000,
  reduction_percent: 90,
  overhead_ms: 1,
};

export const NO_LIMITS: Limits = {
  connection_ms: null,
  utilisation_percent: null,
  wait_ms: null,
  reuse_percent: null,
  clients: null,
  reduction_percent: null,
  overhead_ms: null,
};

export const DEMANDS = { limits: LIMITS, expectations: {}, recoveryLimitMs: 10_000, mayBeLeftOut: [] };

export function single(more: Partial<Single> = {}): Single {
  return {
    login: {
      direct: Array.from({ length: 20 }, () => [8, 9] as [number, number]),
      pooled: Array.from({ length: 20 }, () => [4, 4.5] as [number, number]),
    },
    latency: {
      direct: Array.from({ length: 50 }, () => 0.1),
      pooled: Array.from({ length: 50 }, () => 0.2),
    },
    direct_problem: null,
    ...more,
  };
}

export function load(more: Partial<Load> = {}): Load {
  return {
    clients: 20,
    seconds: 5,
    logged_in: 20,
    served: 20,
    answered: 1000,
    failed: 0,
    reconnects: 0,
    wrong: 0,
    login_seconds: 0.4,
    longest_gap_ms: 30,
    login_ms: [4, 5],
    latency_ms: [0.3, 0.4],
    errors: {},
    bin_ms: 100,
    timeline: [
      [20, 0],
      [0, 3],
    ],
    ...more,
  };
}

interface Moment {
  at: number;
  phase: string;
  clients?: number;
  waiting?: number;
  open?: number;
  /** Of those that are open. */
  busy?: number;
  size?: number;
  transactions?: number;
  waitUs?: number;
  /** What those who wait have waited until now, altogether. */
  stillWaitedMs?: number;
  /** Since 1.23. */
  assignments?: number;
  sessions?: number;
  poolMode?: string;
  /** How many of the server connections are new to this moment. */
  servers?: readonly string[];
}

/** One look at a pooler with one instance, rows named as 1.18 does (and 1.24, with `assignments`). */
export function sample(moment: Moment): Sample {
  const {
    at,
    phase,
    clients = 20,
    waiting = 0,
    open = 5,
    size = 10,
    transactions = 0,
    waitUs = 0,
    busy = 1,
  } = moment;
  const text = (value: number): string => String(value);
  return {
    at,
    phase,
    instances: [
      {
        pools: [
          {
            database: "app",
            user: "app",
            cl_active: text(clients - waiting),
            cl_waiting: text(waiting),
            sv_active: text(busy),
            sv_idle: text(open - busy),
            sv_used: "0",
            sv_tested: "0",
            sv_login: "0",
            maxwait: "0",
            maxwait_us: "1500",
            pool_mode: moment.poolMode ?? "transaction",
          },
          { database: "pgbouncer", user: "pgbouncer", cl_active: "1", pool_mode: "statement" },
        ],
        stats: [
          {
            database: "app",
            total_xact_count: text(transactions),
            total_wait_time: text(waitUs),
            ...(moment.assignments === undefined
              ? {}
              : { total_server_assignment_count: text(moment.assignments) }),
          },
        ],
        waiting:
          waiting === 0 ? [] : [{ database: "app", clients: waiting, wait_ms: moment.stillWaitedMs ?? 0 }],
        lists: [],
        databases: [{ name: "app", pool_size: text(size) }],
        servers: (moment.servers ?? []).map((ptr) => ({ database: "app", ptr, connect_time: "x" })),
        descriptors: 40,
        descriptor_limit: 65_536,
      },
    ],
    ...(moment.sessions === undefined
      ? {}
      : { server: { sessions: text(moment.sessions), backends: text(open), version: "15.20" } }),
  };
}

/** A pooler of which everything was measured and everything is well. */
export function measured(
  parts: Partial<PoolerMeasurements["parts"]> = {},
  version = "1.18.0",
): PoolerMeasurements {
  return {
    name: "pool1",
    client: "app1",
    database: "app",
    user: "app",
    parts: {
      samples: {
        measured: {
          version,
          config: [
            { key: "pool_mode", value: "transaction" },
            ...(version.startsWith("1.18") ? [] : [{ key: "max_prepared_statements", value: "200" }]),
          ],
          server_problem: null,
          samples: [
            sample({ at: 0, phase: "single", clients: 1, sessions: 10, open: 1 }),
            sample({
              at: 1,
              phase: "normal",
              transactions: 10,
              waitUs: 1000,
              sessions: 15,
              servers: ["a", "b"],
            }),
            sample({
              at: 2,
              phase: "normal",
              transactions: 1000,
              waitUs: 50_000,
              sessions: 15,
              servers: ["a", "c"],
            }),
            sample({
              at: 3,
              phase: "crowd",
              clients: 1000,
              transactions: 1000,
              waitUs: 50_000,
              sessions: 15,
            }),
            sample({
              at: 4,
              phase: "crowd",
              clients: 1000,
              transactions: 3000,
              waitUs: 90_000,
              sessions: 15,
            }),
          ],
        },
      },
      single: { measured: single() },
      normal: { measured: load() },
      crowd: { measured: load({ clients: 1000, logged_in: 1000, served: 1000 }) },
      functions: {
        measured: {
          tests: [
            ...[
              "transaction-isolation",
              "state-in-transactions",
              "tracked-parameters",
              "errors",
              "a-client-that-vanishes",
              "pool-exhaustion",
              "wait-limit",
            ].map((name) => ({ name, observed: "holds", detail: "" })),
            { name: "session-state", observed: "leaks", detail: "seen by the next client" },
            {
              name: "prepared-statements",
              observed: version.startsWith("1.18") ? "refused" : "work",
              detail: "",
            },
          ],
        },
      },
      restart: { measured: load({ failed: 20, reconnects: 20, errors: { "Connection refused": 20 } }) },
      ...parts,
    },
  };
}
