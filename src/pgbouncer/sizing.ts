import type { Configuration } from "./configuration.ts";

/** What stands against the server connections of a pooler. */
export interface Capacity {
  /** PostgreSQL's max_connections. */
  maxConnections: number;
  /** superuser_reserved_connections, and what connects without the pooler. */
  reserved: number;
  /** Users who connect through the pooler: each has a pool of its own in each database. */
  users: number;
  /** PgBouncer processes in front of the same PostgreSQL: on this host (so_reuseport) and on others. */
  processes: number;
}

/**
 * The most server connections that a configuration can open: processes × Σ over databases min(max_db_connections, users × (pool size + reserve)). Pools are by
 * database and user; a limit of 0 is none.
 */
export function ceilingOf(
  configuration: Configuration,
  { users, processes }: Capacity,
): { connections: number; arithmetic: string } {
  const { pgbouncer, databases } = configuration;
  const setting = (name: string, fallback: number): number => Number(pgbouncer[name] ?? fallback);
  const parts = Object.entries(databases).map(([name, settings]) => {
    const size = Number(settings["pool_size"] ?? setting("default_pool_size", 20));
    const reserve = Number(
      settings["reserve_pool_size"] ?? settings["reserve_pool"] ?? setting("reserve_pool_size", 0),
    );
    const limit = Number(settings["max_db_connections"] ?? setting("max_db_connections", 0));
    const pools = settings["user"] === undefined ? users : 1;
    const wanted = pools * (size + reserve);
    const most = limit > 0 ? Math.min(limit, wanted) : wanted;
    const formula = `${name}: ${pools} × (${size} + ${reserve})${limit > 0 && limit < wanted ? `, at most ${limit}` : ""} = ${most}`;
    return { most, formula };
  });
  const sum = parts.reduce((total, { most }) => total + most, 0);
  return {
    connections: processes * sum,
    arithmetic: `${parts.map(({ formula }) => formula).join("; ")}; × ${processes} processes = ${processes * sum}`,
  };
}
