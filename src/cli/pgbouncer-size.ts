import path from "node:path";
import type { TaskFinished } from "../converge/event.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import { run } from "../fleet/run.ts";
import { type Capacity, ceilingOf, largestPoolSize } from "../pgbouncer/sizing.ts";
import { loadPlaybook } from "../playbook/load-playbook.ts";
import { isValueMap, type ValueMap } from "../variables/value.ts";
import { type SizeLine, sizeLines } from "../views/pool-sizes.ts";
import { safeJson, safeText } from "../views/safe-text.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { hostRunOptions } from "./host-run-options.ts";
import { type HostOptions, shippedRoles } from "./read-input.ts";

export interface SizeOptions extends HostOptions {
  maxConnections?: string;
  reserved?: string;
  direct?: string;
  users?: string;
  databases?: string;
  hosts?: string;
  processes?: string;
  poolSize?: string;
  reservePoolSize?: string;
  maxDbConnections?: string;
  json?: boolean;
}

/** `plumb pgbouncer size`: the arithmetic of pools, from given numbers, or from an inventory and what its PostgreSQL servers say. */
export async function sizeCommand(options: SizeOptions): Promise<ExitCode> {
  if (options.maxConnections === undefined) return fromServers(options);
  const line = fromNumbers(options, options.maxConnections);
  show([line], options.json === true);
  return line.fits ? EXIT.ok : EXIT.failed;
}

function fromNumbers(options: SizeOptions, maxConnections: string): SizeLine {
  const number = (option: string, text: string, least = 0): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    throw inputError("invalid-option", `${option} ${text}: this is no whole number from ${least} upwards`);
  };
  const capacity: Capacity = {
    maxConnections: number("--max-connections", maxConnections, 1),
    reserved: number("--reserved", options.reserved ?? "3") + number("--direct", options.direct ?? "5"),
    users: number("--users", options.users ?? "1", 1),
    processes:
      number("--hosts", options.hosts ?? "1", 1) * number("--processes", options.processes ?? "1", 1),
  };
  const databases = number("--databases", options.databases ?? "1", 1);
  const configuration = {
    pgbouncer: {
      reserve_pool_size: number("--reserve-pool-size", options.reservePoolSize ?? "0"),
      max_db_connections: number("--max-db-connections", options.maxDbConnections ?? "0"),
    },
    databases: Object.fromEntries(
      Array.from({ length: databases }, (_, index) => [`database ${index + 1}`, {}]),
    ),
    users: {},
    peers: {},
  };
  const largest = largestPoolSize(configuration, capacity);
  const size = options.poolSize === undefined ? largest : number("--pool-size", options.poolSize, 1);
  const { connections, arithmetic } = ceilingOf(
    { ...configuration, pgbouncer: { ...configuration.pgbouncer, default_pool_size: size ?? 1 } },
    capacity,
  );
  const left = capacity.maxConnections - capacity.reserved;
  return {
    server: "PostgreSQL",
    maxConnections: capacity.maxConnections,
    reserved: capacity.reserved,
    left,
    ceiling: connections,
    arithmetic,
    poolSize: size,
    largestPoolSize: largest,
    fits: connections <= left,
  };
}

async function fromServers(options: SizeOptions): Promise<ExitCode> {
  const settings = await hostRunOptions(options);
  const tasks: TaskFinished[] = [];
  const playbook = path.join(path.dirname(shippedRoles()), "playbooks", "pgbouncer-size.yml");
  const finished = await run({
    ...settings,
    playbooks: [
      await loadPlaybook(playbook, {
        rolePaths: [shippedRoles()],
        ...(settings.keyring === undefined ? {} : { keyring: settings.keyring }),
      }),
    ],
    emit: (event) => {
      if (event.type === "task-finished") tasks.push(event);
    },
  });
  const asked = tasks.filter(({ task }) => task.module === "pgbouncer_capacity");
  const lines = new Map<string, SizeLine>();
  for (const { data } of asked) {
    for (const server of serversIn(data)) lines.set(server.server, server);
  }
  for (const { host, status, message, data } of asked) {
    if (status === "failed" && serversIn(data).length === 0)
      process.stderr.write(`${host}: ${safeText(message)}\n`);
  }
  show([...lines.values()], options.json === true);
  if ([...lines.values()].some(({ fits }) => !fits)) return EXIT.failed;
  return exitCodeOf(finished, false);
}

function serversIn(data: ValueMap | null): SizeLine[] {
  const servers = data?.["servers"];
  if (!Array.isArray(servers)) return [];
  return servers.filter(isValueMap).map((server) => ({
    server: String(server["server"]),
    maxConnections: Number(server["max_connections"]),
    reserved: Number(server["reserved"]),
    left: Number(server["left"]),
    ceiling: Number(server["ceiling"]),
    arithmetic: String(server["arithmetic"]),
    poolSize: undefined,
    largestPoolSize: server["largest_pool_size"] === null ? undefined : Number(server["largest_pool_size"]),
    fits: Number(server["ceiling"]) <= Number(server["left"]),
  }));
}

function show(lines: readonly SizeLine[], asJson: boolean): void {
  process.stdout.write(asJson ? `${safeJson(lines, 2)}\n` : safeText(sizeLines(lines), { newlines: true }));
}
