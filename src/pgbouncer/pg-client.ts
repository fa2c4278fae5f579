import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";

/** How to log in over a stream that is there already. */
export interface PgLogin {
  user: string;
  password: string | undefined;
  database: string;
  tls: {
    mode: "disable" | "require" | "verify-full";
    ca: string | undefined;
    cert: string | undefined;
    key: string | undefined;
    serverName: string;
  };
  timeoutMs: number;
}

/** One query's rows, and how long the login and the query took. */
export interface PgAnswer {
  rows: Record<string, unknown>[];
  connectMs: number;
  queryMs: number;
  /** TLS version, such as TLSv1.3; undefined without TLS. */
  tlsVersion: string | undefined;
}

/** A session that stays open for several queries. */
export interface PgSession {
  /** @throws Error as `pg` gives it, also when the server has closed the session. */
  query(text: string): Promise<PgAnswer>;
  end(): Promise<void>;
}

/**
 * Logs in through a stream (a channel of an SSH connection), runs queries and leaves. Queries go by the simple protocol: PgBouncer's console knows no other.
 *
 * @throws Error as `pg` gives it: wrong password, refused certificate, time-out.
 */
export async function pgQueries(
  stream: Duplex,
  login: PgLogin,
  queries: readonly string[],
): Promise<PgAnswer[]> {
  const session = await openPgSession(stream, login);
  try {
    const answers: PgAnswer[] = [];
    for (const query of queries) answers.push(await session.query(query));
    return answers;
  } finally {
    await session.end();
  }
}

/**
 * Logs in through a stream and stays.
 *
 * @throws Error as `pg` gives it: wrong password, refused certificate, time-out.
 */
export async function openPgSession(stream: Duplex, login: PgLogin): Promise<PgSession> {
  const started = performance.now();
  const client = new pg.Client({
    user: login.user,
    // The stream leads there already; the name is only for TLS, where `pg` takes it from.
    host: login.tls.serverName,
    database: login.database,
    ...(login.password === undefined ? {} : { password: login.password }),
    ssl: tlsOptions(login),
    connectionTimeoutMillis: login.timeoutMs,
    query_timeout: login.timeoutMs,
    stream: () => connectedStream(stream),
  } as pg.ClientConfig);
  client.on("error", () => undefined);
  const end = async (): Promise<void> => {
    // `pg` waits for an answer to its goodbye, and of a server that refused a certificate none comes.
    await within(GOODBYE_MS, client.end()).catch(() => undefined);
    stream.destroy();
  };
  try {
    await within(login.timeoutMs, client.connect());
  } catch (error) {
    await end();
    throw error;
  }
  const connectMs = performance.now() - started;
  return {
    query: async (text) => {
      const asked = performance.now();
      const result = await client.query(text);
      return {
        rows: result.rows as Record<string, unknown>[],
        connectMs,
        queryMs: performance.now() - asked,
        tlsVersion: tlsVersionOf(client),
      };
    },
    end,
  };
}

const GOODBYE_MS = 1000;

/** @throws Error when it takes longer. */
async function within<Type>(timeoutMs: number, promise: Promise<Type>): Promise<Type> {
  const timer = new AbortController();
  const late = wait(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${timeoutMs / 1000} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

function tlsOptions({ tls }: PgLogin): pg.ClientConfig["ssl"] {
  if (tls.mode === "disable") return false;
  const own = {
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  };
  if (tls.mode === "require") return { rejectUnauthorized: false, ...own };
  return {
    rejectUnauthorized: true,
    ...own,
    // A name that is an address has no place in the TLS handshake (RFC 6066, 3); it is compared with the certificate all the same.
    ...(isIP(tls.serverName) === 0 ? { servername: tls.serverName } : { host: tls.serverName }),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  };
}

/** `pg` wants to connect its stream itself; ours is connected, and says so. */
function connectedStream(stream: Duplex): Duplex {
  const nothing = (): Duplex => stream;
  return Object.assign(stream, {
    connect: () => {
      process.nextTick(() => stream.emit("connect"));
      return stream;
    },
    setNoDelay: nothing,
    setKeepAlive: nothing,
    ref: nothing,
    unref: nothing,
  });
}

function tlsVersionOf(client: pg.Client): string | undefined {
  const { connection } = client as unknown as {
    connection: { stream: { getProtocol?: () => string | null } };
  };
  return connection.stream.getProtocol?.() ?? undefined;
}
