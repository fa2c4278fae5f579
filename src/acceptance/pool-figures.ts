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
  /** Mean time in the queue. undefined: nothing was asked, the counters went back (a restart), or they do not tell how often one was given out. */
  meanWaitMs: number | undefined;
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
 */
export function poolFigures(
  before: Sample | undefined,
  during: readonly Sample[],
  database: string,
  user: string,
): PoolFigures | undefined {
  const first = before ?? during[0];
  const last = during.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const moments = during.map((sample) => poolAt(sample, database, user));
  const poolSize = moments.at(-1)?.size ?? 0;
  const counters = countersBetween(first, last, database);
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
    ...counters,
    waitsMs: during.flatMap((sample, index) => {
      const earlier = during[index - 1] ?? before;
      return earlier === undefined ? [] : (countersBetween(earlier, sample, database).meanWaitMs ?? []);
    }),
    openedServers: openedSince(first, during, database),
    openedSessions:
      first.server === undefined || last.server === undefined
        ? undefined
        : number(last.server, "sessions") - number(first.server, "sessions"),
    mostBackends: backends.length === 0 ? undefined : most(backends),
    descriptors: descriptorsOf(during),
  };
}

/** PgBouncer's totals are live; its averages are of the last `stats_period`, and before 1.23 `avg_wait_time` is no wait at all. */
function countersBetween(
  first: Sample,
  last: Sample,
  database: string,
): Pick<PoolFigures, "meanWaitMs" | "assignments" | "countedBy"> {
  const total = (sample: Sample, name: string): number =>
    sum(rowsOf(sample, "stats", (row) => row["database"] === database).map((row) => number(row, name)));
  const hasAssignments = last.instances.some(({ stats }) =>
    stats.some((row) => row["total_server_assignment_count"] !== undefined),
  );
  const name = hasAssignments ? "total_server_assignment_count" : "total_xact_count";
  const served = total(last, name) - total(first, name);
  const waited = total(last, "total_wait_time") - total(first, "total_wait_time");
  // In session mode a server connection is given out once a session, however many transactions that has.
  const isSession = rowsOf(last, "pools", (row) => row["database"] === database).some(
    (row) => row["pool_mode"] === "session",
  );
  const counts = served > 0 && waited >= 0 && (hasAssignments || !isSession);
  return {
    meanWaitMs: counts ? waited / served / 1000 : undefined,
    assignments: counts ? served : undefined,
    countedBy: hasAssignments ? "server assignments" : "transactions",
  };
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
