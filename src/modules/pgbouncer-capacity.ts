import { z } from "zod";
import type { Configuration } from "../pgbouncer/configuration.ts";
import { type ParsedIni, parseIni, renderIni } from "../pgbouncer/ini.ts";
import { type ServerPlan, serverPlans } from "../pgbouncer/server-plans.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import { pgbouncerVersion } from "../queries/pgbouncer-version.ts";
import type { Value } from "../variables/value.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { askUntil, type Login, loginOf, loginParams } from "./pg-query.ts";
import { configurationOf, configurationParams } from "./pgbouncer-configuration.ts";
import type { StepHost } from "./step.ts";

const { host: _host, port: _port, socket: _socket, server_name: _name, ...login } = loginParams;

const params = z.strictObject({
  ...configurationParams,
  ...login,
  processes: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe("PgBouncer processes in front of the same PostgreSQL: instances × hosts."),
  user_names: z
    .array(z.string())
    .default([])
    .describe("Users who connect through the pooler. Empty: every role that may log in to the database."),
  unless_written: z
    .array(absolutePath)
    .default([])
    .describe(
      "Configuration files of the instances. Where the first and the last say the same about pools already, nobody is asked: it was when they were written.",
    ),
  direct: z
    .number()
    .int()
    .min(0)
    .default(5)
    .describe("Connections to leave for who connects without the pooler: backups, monitoring, people."),
});

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  loginTo: (host: string, port: number, database: string) => Login;
}

export const pgbouncerCapacity = defineLoadingModule<
  Params,
  Input,
  {
    version: ReturnType<typeof pgbouncerVersion>;
    first: ReturnType<typeof pathState>;
    last: ReturnType<typeof pathState>;
  },
  Configuration
>({
  name: "pgbouncer_capacity",
  summary: "Whether PostgreSQL can take what the pools can open",
  description:
    "Asks every PostgreSQL server that the databases lead to for its max_connections, what it keeps for superusers, and who may log in, and compares with the most that the pools can open: processes × Σ over databases min(max_db_connections, users × (pool size + reserve)). Fails when that does not fit, with the arithmetic and the largest default_pool_size that would. The connection goes through this host, as the pooler's do.",
  params,
  inCheckMode: (_want, { changesPendingAnywhere }) => (changesPendingAnywhere ? "predict" : "run"),
  secretParams: ["password", "databases.password"],
  examples: [
    {
      title: "Two poolers with two processes each",
      yaml: '- pgbouncer_capacity:\n    pgbouncer: {default_pool_size: 10, reserve_pool_size: 2}\n    databases:\n      app: {host: 10.0.0.2}\n    user: pgb_auth\n    password: "{{ pgbouncer_auth_password }}"\n    ca_file: pki/ca.crt\n    processes: 4\n',
    },
    {
      title: "Only these users come through the pooler",
      yaml: '- pgbouncer_capacity:\n    pgbouncer: {}\n    databases:\n      app: {host: 10.0.0.2}\n    user: pgb_auth\n    password: "{{ pgbouncer_auth_password }}"\n    ca_file: pki/ca.crt\n    user_names: [app, report]\n  register: capacity\n',
    },
  ],
  returns: {
    servers:
      "Of each server: server, max_connections, reserved, users, ceiling, arithmetic, largest_pool_size.",
  },
  load: async (want, controller) => {
    const base = await loginOf({ ...want, host: "", port: 0 }, "", controller.resolvePath);
    return {
      want,
      loginTo: (host, port, database) => ({
        target: host.startsWith("/") ? { socketPath: `${host}/.s.PGSQL.${port}` } : { host, port },
        login: {
          ...base.login,
          database,
          tls: {
            ...base.login.tls,
            serverName: host,
            ...(host.startsWith("/") ? { mode: "disable" as const } : {}),
          },
        },
      }),
    };
  },
  queries: ({ want }) => ({
    version: pgbouncerVersion("own"),
    first: writtenFile(want.unless_written.at(0)),
    last: writtenFile(want.unless_written.at(-1)),
  }),
  diff: ({ want }, { version, first, last }) => {
    const configuration = configurationOf(want, version.version);
    if (want.unless_written.length > 0 && hasPools(first, configuration) && hasPools(last, configuration))
      return { action: "none", reason: "was asked when these pools were written" };
    return {
      action: "run",
      summary: "ask PostgreSQL what it can take",
      differences: [],
      detail: configuration,
    };
  },
  steps: (change, input) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => ({
        output: { title: change.summary, data: await plansOf(host, input, change.detail) },
      }),
    },
  ],
  result: (_input, outputs) => {
    const plans = (outputs[0]?.data as ServerPlan[] | undefined) ?? [];
    const data = { servers: plans.map(dataOf) };
    const lines = plans.map(
      ({ server, ceiling, arithmetic, left, maxConnections, reserved }) =>
        `${server} leaves ${left} (${maxConnections} − ${reserved}), the pools can open ${ceiling}: ${arithmetic}`,
    );
    const tooMuch = plans.filter(({ ceiling, left }) => ceiling > left);
    if (tooMuch.length === 0) return { changed: false, message: lines.join("\n"), data };
    const sizes = tooMuch.map(({ largestPoolSize: size }) =>
      size === undefined ? "no pool size fits" : `default_pool_size ${size} would fit`,
    );
    return {
      changed: false,
      failed: true,
      message: `the pools do not fit: ${lines.join("\n")}; ${sizes.join(", ")}`,
      data,
    };
  },
});

const writtenFile = (path = "/"): ReturnType<typeof pathState> =>
  pathState({ path, sha256: true, content: true });

/** Whether a file on the host says the same about pools. */
function hasPools(file: PathState, configuration: Configuration): boolean {
  if (file.type !== "file" || file.content === undefined) return false;
  return poolText(parseIni(file.content.toString())) === poolText(parseIni(renderIni(configuration)));
}

const POOL_SETTINGS = [
  ...["default_pool_size", "reserve_pool_size", "max_db_connections", "max_user_connections"],
  ...["auth_user", "auth_query", "auth_dbname", "so_reuseport"],
];

function poolText(ini: ParsedIni): string {
  const settings = ini.get("pgbouncer");
  return JSON.stringify([
    [...(ini.get("databases") ?? [])],
    [...(ini.get("users") ?? [])],
    POOL_SETTINGS.map((name) => settings?.get(name) ?? ""),
  ]);
}

function dataOf(plan: ServerPlan): Value {
  return {
    server: plan.server,
    max_connections: plan.maxConnections,
    reserved: plan.reserved,
    users: typeof plan.users === "number" ? plan.users : [...plan.users],
    processes: plan.processes,
    ceiling: plan.ceiling,
    left: plan.left,
    arithmetic: plan.arithmetic,
    largest_pool_size: plan.largestPoolSize ?? null,
  };
}

const LIMITS = `select current_setting('max_connections')::int as max_connections,
 current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int as reserved,
 (select coalesce(json_agg(rolname::text order by rolname), '[]') from pg_catalog.pg_roles
   where rolcanlogin and not rolsuper and not rolreplication and rolname <> session_user
   and pg_catalog.has_database_privilege(oid, pg_catalog.current_database(), 'CONNECT')) as users`;

/** @throws ModuleFailure for a server that can't be asked. */
async function plansOf(
  host: StepHost,
  { want, loginTo }: Input,
  configuration: Configuration,
): Promise<ServerPlan[]> {
  return serverPlans(configuration, want.processes, async ({ address, port, database }) => {
    const { answers } = await askUntil(host, loginTo(address, port, database), [LIMITS], want.timeout);
    const row = answers[0]?.rows[0];
    if (row === undefined) throw new ModuleFailure(`${address}:${port} did not say what it can take`);
    const roles = Array.isArray(row["users"]) ? row["users"].map(String) : [];
    return {
      maxConnections: Number(row["max_connections"]),
      reserved: Number(row["reserved"]) + want.direct,
      users: want.user_names.length > 0 ? want.user_names : roles,
    };
  });
}
