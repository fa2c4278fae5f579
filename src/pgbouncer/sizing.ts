import type { Configuration } from "./configuration.ts";
import type { SettingValue } from "./settings.ts";

/** Who uses the pools, and how many times they exist. */
export interface Pools {
  /** Users who connect through the pooler: their names, or how many. Each has a pool of its own in each database. */
  users: readonly string[] | number;
  /** PgBouncer processes in front of the same PostgreSQL: on this host (so_reuseport) and on others. */
  processes: number;
}

/** What stands against the server connections of a pooler. */
export interface Capacity extends Pools {
  /** PostgreSQL's max_connections. */
  maxConnections: number;
  /** What the pooler must leave: connections reserved for superusers, and what connects without it. */
  reserved: number;
}

/** The most server connections that can be opened, and how that comes about. */
export interface Ceiling {
  connections: number;
  /** A line a database, then the sum. */
  arithmetic: string;
}

/** One user's pool in one database. */
interface Pool {
  user: string | undefined;
  most: number;
  /** How `most` comes about: `(20 + 5)`, or the limit that holds. */
  text: string;
}

/**
 * The most server connections that a configuration can open: processes × Σ over databases min(max_db_connections, Σ over users (pool size + reserve)), where nobody has more
 * than max_user_connections. Pools are by database and user; a limit of 0 is none. The auth_user has a pool too, in each database.
 */
export function ceilingOf(configuration: Configuration, { users, processes }: Pools): Ceiling {
  const databases = Object.entries(configuration.databases).map(([name, settings]) => {
    const pools = poolsOf(configuration, settings, users, name);
    const limit = Number(
      settings["max_db_connections"] ?? configuration.pgbouncer["max_db_connections"] ?? 0,
    );
    const wanted = pools.reduce((sum, { most }) => sum + most, 0);
    const most = limit > 0 ? Math.min(limit, wanted) : wanted;
    return { name, pools, most, formula: `${name}: ${formulaOf(pools)}${limitText(limit, wanted, most)}` };
  });
  const perDatabase = databases.reduce((sum, { most }) => sum + most, 0);
  const perUser = limitedByUsers(
    configuration,
    databases.flatMap(({ pools }) => pools),
  );
  const oneProcess = Math.min(perDatabase, perUser);
  const byUser = perUser < perDatabase ? `; max_user_connections lets ${perUser} through` : "";
  return {
    connections: processes * oneProcess,
    arithmetic: `${databases.map(({ formula }) => formula).join("; ")}${byUser}; × ${processes} ${processes === 1 ? "process" : "processes"} = ${processes * oneProcess}`,
  };
}

/**
 * The largest default_pool_size with which a configuration fits; undefined where not even 1 does. Databases with a pool_size of their own keep it.
 */
export function largestPoolSize(configuration: Configuration, capacity: Capacity): number | undefined {
  const fits = (size: number): boolean =>
    ceilingOf(
      { ...configuration, pgbouncer: { ...configuration.pgbouncer, default_pool_size: size } },
      capacity,
    ).connections <=
    capacity.maxConnections - capacity.reserved;
  if (!fits(1)) return undefined;
  // Beyond max_connections a pool of that size says nothing any more: some other limit holds.
  let [low, high] = [1, capacity.maxConnections];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function poolsOf(
  { pgbouncer, users: limits }: Configuration,
  database: Readonly<Record<string, SettingValue>>,
  users: Pools["users"],
  name: string,
): Pool[] {
  const size = Number(database["pool_size"] ?? pgbouncer["default_pool_size"] ?? 20);
  const reserve = Number(
    database["reserve_pool_size"] ?? database["reserve_pool"] ?? pgbouncer["reserve_pool_size"] ?? 0,
  );
  const poolOf = (user: string | undefined): Pool => {
    const own = user === undefined ? {} : (limits[user] ?? {});
    const [main, extra] = [Number(own["pool_size"] ?? size), Number(own["reserve_pool_size"] ?? reserve)];
    const limit = userLimit(pgbouncer, own);
    return limit > 0 && limit < main + extra
      ? { user, most: limit, text: String(limit) }
      : { user, most: main + extra, text: `(${main} + ${extra})` };
  };
  const forced = database["user"];
  const clients =
    forced !== undefined && forced !== null
      ? [poolOf(String(forced))]
      : typeof users === "number"
        ? Array.from({ length: users }, () => poolOf(undefined))
        : users.map(poolOf);
  const asks = pgbouncer["auth_query"] !== undefined && pgbouncer["auth_user"] !== undefined;
  const authDatabase = database["auth_dbname"] ?? pgbouncer["auth_dbname"];
  const hasAuthPool = asks && (authDatabase === undefined || authDatabase === null || authDatabase === name);
  return hasAuthPool
    ? [...clients, poolOf(String(database["auth_user"] ?? pgbouncer["auth_user"]))]
    : clients;
}

function userLimit(
  pgbouncer: Configuration["pgbouncer"],
  own: Readonly<Record<string, SettingValue>>,
): number {
  return Number(own["max_user_connections"] ?? pgbouncer["max_user_connections"] ?? 0);
}

/** max_user_connections holds over all databases of a process together. */
function limitedByUsers({ pgbouncer, users }: Configuration, pools: readonly Pool[]): number {
  const byName = new Map<string, number>();
  let sum = 0;
  for (const { user, most } of pools) {
    if (user === undefined) sum += most;
    else byName.set(user, (byName.get(user) ?? 0) + most);
  }
  for (const [user, most] of byName) {
    const limit = userLimit(pgbouncer, users[user] ?? {});
    sum += limit > 0 ? Math.min(limit, most) : most;
  }
  return sum;
}

/** `2 × (20 + 5) + 1 × 3`: equal pools together. */
function formulaOf(pools: readonly Pool[]): string {
  const counts = new Map<string, number>();
  for (const { text } of pools) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => `${count} × ${text}`).join(" + ");
}

function limitText(limit: number, wanted: number, most: number): string {
  return limit > 0 && limit < wanted ? `, at most ${limit} = ${most}` : ` = ${most}`;
}
