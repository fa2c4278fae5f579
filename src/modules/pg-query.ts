import path from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import type { PgAnswer, PgLogin, PgSession } from "../pgbouncer/pg-client.ts";
import type { Value } from "../variables/value.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { readIfThere } from "./read-if-there.ts";
import { checkSqlArguments, sqlArgumentParams, sqlOf } from "./sql-arguments.ts";
import type { StepHost } from "./step.ts";

export const loginParams = {
  host: z
    .string()
    .default("127.0.0.1")
    .describe(
      "Address of the server, as this host sees it: the connection goes through this host's SSH connection.",
    ),
  port: z.number().int().min(1).max(65535).default(6432).describe("Port of the server."),
  socket: absolutePath
    .optional()
    .describe("A socket on this host, or its folder, instead of a host; without TLS."),
  user: z.string().min(1).describe("User to log in as."),
  password: z.string().optional().describe("The password."),
  sslmode: z
    .enum(["disable", "require", "verify-full"])
    .default("verify-full")
    .describe("Whether TLS is used, and the server's certificate verified."),
  ca_file: z
    .string()
    .optional()
    .describe("The authority's certificate, on the controller; relative to the playbook."),
  cert_file: z
    .string()
    .optional()
    .describe("A client certificate, on the controller; relative to the playbook."),
  key_file: z.string().optional().describe("Its private key, on the controller."),
  server_name: z
    .string()
    .optional()
    .describe("Name that must stand in the server's certificate; without, `host`."),
  timeout: z
    .number()
    .min(1)
    .max(3600)
    .default(30)
    .describe("Seconds within which it must succeed; until then it is tried again."),
};

const params = z
  .strictObject({
    ...loginParams,
    database: z.string().min(1).describe("The database."),
    query: z.string().min(1).default("select 1 as ok").describe("What to ask."),
    ...sqlArgumentParams,
  })
  .superRefine(checkSqlArguments);

/** Loaded only where a server is asked, and while the host is busy with the first questions: it takes as long as a handshake. */
const loadClient = (): Promise<typeof import("../pgbouncer/pg-client.ts")> =>
  import("../pgbouncer/pg-client.ts");

export interface Login {
  login: PgLogin;
  target: { host: string; port: number } | { socketPath: string };
}

export const pgQuery = defineLoadingModule<
  z.infer<typeof params>,
  { want: z.infer<typeof params>; login: Login },
  Record<string, never>,
  undefined
>({
  name: "pg_query",
  summary: "A health query: logs in and asks, as an application would",
  description:
    "The controller speaks to the server through the host's SSH connection: nothing has to be installed on the host. It verifies TLS, logs in by SCRAM, runs the query, and measures both; it is tried again until it succeeds or time is up.",
  params,
  // The server may come up only by what an earlier task would do: asking it now would tell nothing.
  inCheckMode: (_want, { changesPendingAnywhere }) => (changesPendingAnywhere ? "predict" : "run"),
  secretParams: ["password"],
  examples: [
    {
      title: "Through the pooler",
      yaml: '- pg_query:\n    host: "{{ ansible_host }}"\n    database: app\n    user: app\n    password: "{{ app_password }}"\n    ca_file: pki/ca.crt\n    server_name: "{{ inventory_hostname }}"\n',
    },
    {
      title: "Is it a primary?",
      yaml: '- pg_query:\n    port: 5432\n    database: postgres\n    user: monitor\n    password: "{{ monitor_password }}"\n    sslmode: require\n    query: select pg_is_in_recovery()\n  register: answer\n',
    },
    {
      title: "With a value from a variable",
      yaml: '- pg_query:\n    database: app\n    user: app\n    password: "{{ app_password }}"\n    ca_file: pki/ca.crt\n    query: select %s::text as tenant\n    positional_args: ["O\'Hara"]\n',
    },
  ],
  returns: {
    rows: "The rows.",
    connect_ms: "Milliseconds for connection, TLS and login.",
    query_ms: "Milliseconds for the query.",
    tls: "TLS version.",
    tries: "How often it was tried.",
  },
  load: async (want, controller) => ({
    want,
    login: await loginOf(want, want.database, controller.resolvePath),
  }),
  queries: () => ({}),
  diff: ({ want }) => ({
    action: "run",
    summary: `ask ${want.database} at ${want.socket ?? `${want.host}:${want.port}`}`,
    differences: [],
    detail: undefined,
  }),
  steps: (change, { want, login }) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => ({
        output: { title: change.summary, data: await askUntil(host, login, [sqlOf(want)], want.timeout) },
      }),
    },
  ],
  result: (_input, outputs) => {
    const asked = outputs[0]?.data as { answers: PgAnswer[]; tries: number } | undefined;
    const answer = asked?.answers[0];
    if (asked === undefined || answer === undefined)
      return { changed: false, failed: true, message: "no answer" };
    const round = (ms: number): number => Math.round(ms * 10) / 10;
    return {
      changed: false,
      message: `answered in ${round(answer.queryMs)} ms (login ${round(answer.connectMs)} ms${answer.tlsVersion === undefined ? "" : `, ${answer.tlsVersion}`})`,
      data: {
        rows: JSON.parse(JSON.stringify(answer.rows)) as Value,
        connect_ms: round(answer.connectMs),
        query_ms: round(answer.queryMs),
        tls: answer.tlsVersion ?? null,
        tries: asked.tries,
      },
    };
  },
});

/** Reads the authority's certificate. */
export async function loginOf(
  want: {
    host: string;
    port: number;
    socket?: string | undefined;
    user: string;
    password?: string | undefined;
    sslmode: PgLogin["tls"]["mode"];
    ca_file?: string | undefined;
    cert_file?: string | undefined;
    key_file?: string | undefined;
    server_name?: string | undefined;
  },
  database: string,
  resolve: (file: string) => string,
): Promise<Login> {
  setImmediate(() => void loadClient());
  const textOf = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : readIfThere(resolve(file));
  const [ca, cert, key] = [textOf(want.ca_file), textOf(want.cert_file), textOf(want.key_file)];
  return {
    target:
      want.socket === undefined
        ? { host: want.host, port: want.port }
        : { socketPath: socketOf(want.socket, want.port) },
    login: {
      user: want.user,
      password: want.password,
      database,
      // PostgreSQL and PgBouncer speak TLS over TCP only.
      tls: {
        mode: want.socket === undefined ? want.sslmode : "disable",
        ca,
        cert,
        key,
        serverName: want.server_name ?? want.host,
      },
      timeoutMs: 10_000,
    },
  };
}

/** A folder stands for the socket that PostgreSQL's clients would look for in it. */
function socketOf(socket: string, port: number): string {
  return path.basename(socket).startsWith(".s.") ? socket : path.join(socket, `.s.PGSQL.${port}`);
}

/** @throws ModuleFailure after the time limit, with the last error. */
export async function askUntil(
  host: StepHost,
  login: Login,
  queries: readonly string[],
  timeoutSeconds: number,
): Promise<{ answers: PgAnswer[]; tries: number }> {
  const { pgQueries } = await loadClient();
  const { result, tries } = await tryUntil(host, login, timeoutSeconds, (stream) =>
    pgQueries(stream, login.login, queries),
  );
  return { answers: result, tries };
}

/** Logs in and stays. @throws ModuleFailure after the time limit, with the last error. */
export async function openSession(host: StepHost, login: Login, timeoutSeconds: number): Promise<PgSession> {
  const { openPgSession } = await loadClient();
  return (await tryUntil(host, login, timeoutSeconds, (stream) => openPgSession(stream, login.login))).result;
}

async function tryUntil<Type>(
  host: StepHost,
  { login, target }: Login,
  timeoutSeconds: number,
  act: (stream: Duplex) => Promise<Type>,
): Promise<{ result: Type; tries: number }> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (let tries = 1; ; tries++) {
    try {
      const stream = await within(login.timeoutMs, host.transport.forward(target));
      return { result: await act(stream), tries };
    } catch (error) {
      if (await isLost(host)) throw await host.transport.lost;
      const message = (error instanceof Error ? error.message : String(error)).trim();
      const isFinal =
        /password authentication failed|SASL|certificate|no such user|no such database|syntax error/i.test(
          message,
        );
      if (isFinal || performance.now() > deadline || host.signal.aborted) {
        throw new ModuleFailure(`the query failed: ${message}`, {
          cause: error,
          hint: hintFor(message),
          data: { tries },
        });
      }
      host.progress(`try ${tries}: ${message}`);
      await wait(Math.min(2000, 200 * tries), undefined, { signal: host.signal }).catch(() => undefined);
    }
  }
}

/** Then trying again is in vain, and what failed is not the query. */
const isLost = ({ transport }: StepHost): Promise<boolean> =>
  Promise.race([transport.lost.then(() => true), wait(0, false)]);

/** A firewall that drops packets answers nothing at all. */
async function within<Type>(timeoutMs: number, promise: Promise<Type>): Promise<Type> {
  const timer = new AbortController();
  const late = wait(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no connection within ${timeoutMs / 1000} s`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

function hintFor(message: string): string {
  // TLS 1.3's alert, and what PostgreSQL says of `clientcert`.
  if (/certificate required|requires a valid client certificate/i.test(message))
    return "the server wants a client certificate: give cert_file and key_file";
  if (/certificate|altname|self.signed/i.test(message))
    return "is ca_file the authority that issued the server's certificate, and does server_name stand in it?";
  if (/password|SASL|no such user/i.test(message))
    return "do user and password fit what PostgreSQL and userlist.txt have?";
  if (/refused|forward|ECONN|open failed/i.test(message))
    return "does the server listen at this address, and does a firewall let this host in?";
  return "the server's log says more: journalctl -u pgbouncer on its host";
}
