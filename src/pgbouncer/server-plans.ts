import type { Configuration } from "./configuration.ts";
import { type Capacity, ceilingOf, largestPoolSize } from "./sizing.ts";

/** What a configuration asks of one PostgreSQL server, and what that server can take. */
export interface ServerPlan extends Capacity {
  /** `10.0.0.2:5432`. */
  server: string;
  /** The most connections that the pools can open there. */
  ceiling: number;
  arithmetic: string;
  /** What max_connections leaves for the pools. */
  left: number;
  largestPoolSize: number | undefined;
}

/** A server that databases lead to, and one of these databases to ask in. */
export interface PlannedServer {
  address: string;
  port: number;
  database: string;
}

/** What a server says of itself. */
export type ServerLimits = Pick<Capacity, "maxConnections" | "reserved" | "users">;

/** The servers that a configuration leads to, with the databases of each. An entry may name several hosts; each of them may get all its connections. */
export function serversOf(
  configuration: Configuration,
): { at: PlannedServer; configuration: Configuration }[] {
  const servers = new Map<string, { at: PlannedServer; names: string[] }>();
  for (const [name, settings] of Object.entries(configuration.databases)) {
    const port = Number(settings["port"] ?? 5432);
    for (const address of String(settings["host"] ?? "/run/postgresql").split(",")) {
      const key = `${address.trim()}:${port}`;
      const database = String(settings["dbname"] ?? (name === "*" ? "postgres" : name));
      const server = servers.get(key) ?? { at: { address: address.trim(), port, database }, names: [] };
      server.names.push(name);
      servers.set(key, server);
    }
  }
  return [...servers.values()].map(({ at, names }) => ({
    at,
    configuration: {
      ...configuration,
      databases: Object.fromEntries(names.map((name) => [name, configuration.databases[name] ?? {}])),
    },
  }));
}

/** Compares every server's limits with what the pools can open there. @param ask what a server says of itself. */
export async function serverPlans(
  configuration: Configuration,
  processes: number,
  ask: (server: PlannedServer) => Promise<ServerLimits>,
): Promise<ServerPlan[]> {
  return Promise.all(
    serversOf(configuration).map(async ({ at, configuration: part }) => {
      const capacity = { ...(await ask(at)), processes };
      const { connections, arithmetic } = ceilingOf(part, capacity);
      return {
        ...capacity,
        server: `${at.address}:${at.port}`,
        ceiling: connections,
        arithmetic,
        left: capacity.maxConnections - capacity.reserved,
        largestPoolSize: largestPoolSize(part, capacity),
      };
    }),
  );
}
