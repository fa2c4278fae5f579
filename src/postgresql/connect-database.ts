import { existsSync, readFileSync, statSync } from "node:fs";
import { isIP, Socket } from "node:net";
import { homedir } from "node:os";
import path from "node:path";
import pg from "pg";
import type { DatabaseAddress, DatabaseServer, SslMode } from "./database-address.ts";

/** So long it takes at most until it is known whether a server lets somebody in; with several it is less for each. */
const CONNECT_MS = 8_000;
const CONNECT_LEAST_MS = 3_000;
/** So long the end of a connection is waited for: where the other side is silent it never comes. */
const END_MS = 1_000;
const NO_PASSWORD =
  "it asks for a password, and there is none: neither PGPASSWORD nor the file of passwords (~/.pgpass or PGPASSFILE, 0600) has one for it";
/** What `pg` says, and what it means. */
const PLAIN: ReadonlyMap<string, string> = new Map([
  ["Query read timeout", "it gives no answer any more"],
  ["Client has encountered a connection error and is not queryable", "the connection was lost"],
  ["timeout expired", "it gives no answer"],
  ["SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string", NO_PASSWORD],
  ["SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string", NO_PASSWORD],
]);

export interface ConnectOptions {
  /** A query that has no answer after so long has failed. Without it a link that was cut silently is noticed when the kernel gives up, after a quarter of an hour. */
  answerMs?: number;
}

/**
 * Connects to a database of the team's: of several servers to the first that takes writes. A connection that is lost later is told by the next query, or by whoever listens for `error`.
 *
 * @param name what PostgreSQL shows as `application_name`.
 * @throws Error as `pg` or the system gives it
 */
export async function connectDatabase(
  address: DatabaseAddress,
  name: string,
  options: ConnectOptions = {},
): Promise<pg.Client> {
  const { servers } = address;
  const connectMs = Math.max(CONNECT_LEAST_MS, CONNECT_MS / servers.length);
  const troubles: string[] = [];
  for (const server of servers) {
    const given = { address, server, name, connectMs, ...options };
    try {
      const client = await connectServer(given);
      if (servers.length === 1) return client;
      if (await takesWrites(client)) return client;
      endDatabase(client);
      troubles.push(`${server.host}:${server.port} takes no writes: it is a standby`);
    } catch (error) {
      // Who is refused by one server is not tried at the others (libpq, "Specifying Multiple Hosts").
      if (servers.length === 1 || isVerdict(error)) throw error;
      troubles.push(`${server.host}:${server.port}: ${databaseTrouble(error)}`);
    }
  }
  throw new Error(troubles.join("; "));
}

/** Whether a server has decided something about who logs in, and is not only away (class 57: stopping or starting) or full (53). */
function isVerdict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(57P|53)/.test(error.code ?? "");
}

async function takesWrites(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is: string }>(
    "select current_setting('transaction_read_only') as is",
  );
  return rows[0]?.is === "off";
}

/** Ends a connection that is no longer needed, also one whose other side is silent: that would keep this process from ending. */
export function endDatabase(client: pg.Client): void {
  const timer = setTimeout(() => sockets.get(client)?.destroy(), END_MS);
  client
    .end()
    .catch(() => undefined)
    .finally(() => clearTimeout(timer));
}

/** Ends a connection at once: what is under way on it fails with these words. */
export function abandonDatabase(client: pg.Client, trouble: string): void {
  sockets.get(client)?.destroy(new Error(trouble));
}

const sockets = new WeakMap<pg.Client, Socket>();

interface Attempt extends ConnectOptions {
  address: DatabaseAddress;
  server: DatabaseServer;
  name: string;
  connectMs: number;
}

async function connectServer(given: Attempt): Promise<pg.Client> {
  // What may be given up is tried last; libpq does the same.
  const [first, second] = attempts(given.address, given.server);
  try {
    return await attempt(given, first);
  } catch (error) {
    const isAboutTls = second !== undefined && isRefusal(error, first);
    if (!isAboutTls) throw error;
    return attempt(given, second);
  }
}

type Tls = pg.ClientConfig["ssl"];

function attempts(address: DatabaseAddress, { host }: DatabaseServer): [Tls, Tls?] {
  // Nobody listens in on a socket of the machine's own, and PostgreSQL has no TLS there.
  if (host.startsWith("/")) return [false];
  switch (address.sslMode) {
    case "disable":
      return [false];
    case "allow":
      return [false, tlsOf(address, host, "require")];
    case "prefer":
      return [tlsOf(address, host, "require"), false];
    case "require":
    case "verify-ca":
    case "verify-full":
      return [tlsOf(address, host, address.sslMode)];
  }
}

/** Whether another attempt, with or without TLS, may fare better. */
function isRefusal(error: unknown, tls: Tls): boolean {
  if (!(error instanceof Error)) return false;
  // invalid_authorization_specification: pg_hba.conf wants TLS.
  if (tls === false) return "code" in error && error.code === "28000";
  return error.message.includes("does not support SSL") || ("code" in error && error.code === "28000");
}

function tlsOf(address: DatabaseAddress, host: string, mode: SslMode): Tls {
  const own = {
    ...(address.sslCertificate === undefined ? {} : { cert: readFileSync(address.sslCertificate) }),
    ...(address.sslKey === undefined ? {} : { key: privateKey(address.sslKey) }),
  };
  const roots = rootCertificates(address);
  // With a root certificate at hand libpq takes `require` for `verify-ca`.
  const verifies = mode === "require" && roots.isFile && address.sslMode === "require" ? "verify-ca" : mode;
  if (verifies === "require") return { rejectUnauthorized: false, ...own };
  return {
    rejectUnauthorized: true,
    ...own,
    ...(roots.ca === undefined ? {} : { ca: roots.ca }),
    ...(verifies === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
    // A name that is an address has no place in the TLS handshake (RFC 6066, 3); it is compared with the certificate all the same.
    ...(isIP(host) === 0 ? { servername: host } : { host }),
  };
}

/** As libpq: a key that others can read is none. @throws Error */
function privateKey(file: string): Buffer {
  if ((statSync(file).mode & 0o077) !== 0)
    throw new Error(`others can read the private key ${file}: chmod 600 it`);
  return readFileSync(file);
}

/** The file that is named, `~/.postgresql/root.crt` where there is one, and the authorities that Node.js trusts otherwise. */
function rootCertificates({ sslRootCertificate }: DatabaseAddress): {
  ca: Buffer | undefined;
  isFile: boolean;
} {
  if (sslRootCertificate === "system") return { ca: undefined, isFile: false };
  const usual = path.join(homedir(), ".postgresql", "root.crt");
  const file = sslRootCertificate ?? (existsSync(usual) ? usual : undefined);
  return file === undefined ? { ca: undefined, isFile: false } : { ca: readFileSync(file), isFile: true };
}

async function attempt(
  { address, server, name, connectMs, answerMs }: Attempt,
  ssl: Tls,
): Promise<pg.Client> {
  const socket = new Socket();
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: address.database,
    user: address.user,
    // Without a password `pg` would look for a file of its own.
    password: () => server.password ?? "",
    ssl: ssl ?? false,
    application_name: name,
    connectionTimeoutMillis: connectMs,
    ...(answerMs === undefined ? {} : { query_timeout: answerMs }),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    stream: () => socket,
  });
  sockets.set(client, socket);
  // Without a listener a lost connection would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    endDatabase(client);
    throw error;
  }
}

/** What went wrong with a database, in one line. */
export function databaseTrouble(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(databaseTrouble).join("; ");
  if (!(error instanceof Error)) return String(error);
  if (error.message === "" && "code" in error) return String(error.code);
  const trouble = PLAIN.get(error.message) ?? error.message;
  const help = "code" in error ? HELP.get(String(error.code)) : undefined;
  return help === undefined ? trouble : `${trouble} (${help})`;
}

/** What to do, by SQLSTATE: of what is asked of Plumb's own tables. */
const HELP = new Map([
  ["42501", "the owner of the database gives a role what it needs: `plumb history prepare`"],
  ["42704", "`create role … login` makes one"],
]);
