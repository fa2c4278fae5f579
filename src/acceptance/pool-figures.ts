import type { Sample } from "./measurements.ts";

/** What the samples of one phase say of one pool (database and user), over all instances of the pooler. */
export interface PoolFigures {
  /** Share of the pool's size that is open, in percent, for each sample. */
  openPercent: number[];
  /** The same of connections that were at work. */
  busyPercent: number[];
  /** Share of the samples in which somebody waited, in percent. */
  waitingPercent: number;
  poolSize: number;
  mostClients: number;
  /** Connections to the server that the pooler had for this database, those of other users too. */
  mostServers: number;
  longestWaitMs: number;
  /** Mean time in the queue, of those too who were in it at the end. undefined: nothing was asked, the counters went back (a restart), or they do not tell how often one was given out. */
  meanWaitMs: number | undefined;
  /** What `meanWaitMs` is the mean of. */
  waits: number;
  /** The same between each two samples in which something was asked. */
  waitsMs: number[];
  assignments: number | undefined;
  /** What `assignments` was counted by. */
  countedBy: "server assignments" | "transactions";
  openedServers: number;
  /** By PostgreSQL's own count, of the whole database. */
  openedSessions: number | undefined;
  /** By PostgreSQL: connections of this user from the pooler's host. */
  mostBackends: number | undefined;
  descriptors: { most: number; limit: number } | undefined;
}

const number = (row: Readonly<Record<string, string>>, name: string): number => Number(row[name] ?? 0);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const most = (values: readonly number[]): number => Math.max(0, ...values);

const OPEN = ["sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login"] as const;

/** Rows of one SHOW command, of all instances. */
const rowsOf = (sample: Sample, show: "pools" | "stats" | "databases" | "servers", fits: Fits) =>
  sample.instances.flatMap((instance) => instance[show].filter(fits));

type Fits = (row: Readonly<Record<string, string>>) => boolean;

/** One pool at one moment. */
export function poolAt(sample: Sample, database: string, user: string) {
  const own = rowsOf(sample, "pools", (row) => row["database"] === database && row["user"] === user);
  const ofDatabase = rowsOf(sample, "pools", (row) => row["database"] === database);
  const total = (rows: readonly Record<string, string>[], names: readonly string[]): number =>
    sum(rows.flatMap((row) => names.map((name) => number(row, name))));
  return {
    size: sum(
      rowsOf(sample, "databases", (row) => row["name"] === database).map((row) => number(row, "pool_size")),
    ),
    open: total(own, OPEN),
    busy: total(own, ["sv_active", "sv_tested", "sv_login"]),
    waiting: total(own, ["cl_waiting"]),
    clients: total(own, ["cl_active", "cl_waiting"]),
    servers: total(ofDatabase, OPEN),
    longestWaitMs: most(own.map((row) => number(row, "maxwait") * 1000 + number(row, "maxwait_us") / 1000)),
  };
}

/**
 * @param before the last sample before the phase: what the phase opened and counted is told from it.
 * @param during the phase's samples. With none there is no figure: undefined.
 * @param quiet the last sample before clients began to ask: waits are told from it, because a login waits in the same queue for the answer to `auth_query`.
 */
export function poolFigures(
  before: Sample | undefined,
  during: readonly Sample[],
  database: string,
  user: string,
  quiet = before,
): PoolFigures | undefined {
  const first = before ?? during[0];
  const last = during.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const asking = quiet ?? first;
  const moments = during.map((sample) => poolAt(sample, database, user));
  const poolSize = moments.at(-1)?.size ?? 0;
  const waited = waitBetween(asking, last, database);
  const assignments = assignmentsBetween(first, last, database);
  const open = moments.map((moment) => (100 * moment.open) / Math.max(1, moment.size));
  const busy = moments.map((moment) => (100 * moment.busy) / Math.max(1, moment.size));
  const backends = during.flatMap(({ server }) => (server === undefined ? [] : [number(server, "backends")]));
  return {
    openPercent: open,
    busyPercent: busy,
    waitingPercent: (100 * moments.filter(({ waiting }) => waiting > 0).length) / moments.length,
    poolSize,
    mostClients: most(moments.map(({ clients }) => clients)),
    mostServers: most(moments.map(({ servers }) => servers)),
    longestWaitMs: most(moments.map(({ longestWaitMs }) => longestWaitMs)),
    assignments: assignments === 0 ? undefined : assignments,
    countedBy: countsAssignments(last) ? "server assignments" : "transactions",
    meanWaitMs: waited?.meanMs,
    waits: waited?.count ?? 0,
    waitsMs: during.flatMap(
      (sample, index) => waitBetween(during[index - 1] ?? asking, sample, database)?.meanMs ?? [],
    ),
    openedServers: openedSince(first, during, database),
    openedSessions:
      first.server === undefined || last.server === undefined
        ? undefined
        : number(last.server, "sessions") - number(first.server, "sessions"),
    mostBackends: backends.length === 0 ? undefined : most(backends),
    descriptors: descriptorsOf(during),
  };
}

type Counter = "total_server_assignment_count" | "total_xact_count" | "total_wait_time";

const totalOf = (sample: Sample, name: Counter, database: string): number =>
  sum(rowsOf(sample, "stats", (row) => row["database"] === database).map((row) => number(row, name)));

const countsAssignments = ({ instances }: Sample): boolean =>
  instances.some(({ stats }) => stats.some((row) => row["total_server_assignment_count"] !== undefined));

/**
 * How often a server connection was given out. PgBouncer's totals are live; its averages are of the last `stats_period`, and before 1.23 `avg_wait_time` is no wait at all.
 *
 * @returns undefined where the totals do not tell: they went back, or count transactions while one is given out once a session.
 */
function assignmentsBetween(first: Sample, last: Sample, database: string): number | undefined {
  const counted = countsAssignments(last);
  const name = counted ? "total_server_assignment_count" : "total_xact_count";
  const served = totalOf(last, name, database) - totalOf(first, name, database);
  const isSession = rowsOf(last, "pools", (row) => row["database"] === database).some(
    (row) => row["pool_mode"] === "session",
  );
  return served >= 0 && (counted || !isSession) ? served : undefined;
}

/**
 * Mean wait of all who were in the queue or came by between two moments: until they were served, or until the second moment.
 *
 * PgBouncer (1.18 to 1.24) adds a wait to `total_wait_time` when it is over, so that the longest ones would be left out: SHOW CLIENTS has them. `total_xact_count` counts a
 * transaction when it is asked for, `total_server_assignment_count` when it is served.
 */
function waitBetween(
  first: Sample,
  last: Sample,
  database: string,
): { meanMs: number; count: number } | undefined {
  const assignments = assignmentsBetween(first, last, database);
  if (assignments === undefined) return undefined;
  const over =
    (totalOf(last, "total_wait_time", database) - totalOf(first, "total_wait_time", database)) / 1000;
  const still = waitingAt(last, database);
  const count = assignments + (countsAssignments(last) ? still.clients : waitingAt(first, database).clients);
  if (over < 0 || count === 0) return undefined;
  return { meanMs: (over + still.ms) / count, count };
}

function waitingAt({ instances }: Sample, database: string): { clients: number; ms: number } {
  const rows = instances.flatMap(({ waiting }) => waiting.filter((row) => row.database === database));
  return { clients: sum(rows.map(({ clients }) => clients)), ms: sum(rows.map((row) => row.wait_ms)) };
}

/** Server connections that were not there before. One that came and went between two samples is not seen: PostgreSQL's count of sessions is. */
function openedSince(first: Sample, during: readonly Sample[], database: string): number {
  const identities = (sample: Sample): string[] =>
    rowsOf(sample, "servers", (row) => row["database"] === database).map((row) =>
      [row["ptr"], row["connect_time"], row["local_port"], row["remote_pid"]].join(" "),
    );
  const known = new Set(identities(first));
  return new Set(during.flatMap(identities).filter((identity) => !known.has(identity))).size;
}

function descriptorsOf(during: readonly Sample[]): PoolFigures["descriptors"] {
  const counted = during
    .flatMap(({ instances }) => instances)
    .flatMap(({ descriptors, descriptor_limit: limit }) =>
      descriptors === undefined || limit === undefined ? [] : [{ most: descriptors, limit }],
    );
  return counted.sort((a, b) => b.most - a.most)[0];
}
