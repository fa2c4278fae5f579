import { existsSync, readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { homedir } from "node:os";
import path from "node:path";
import pg from "pg";
import type { DatabaseAddress, SslMode } from "./database-address.ts";

const CONNECT_MS = 8_000;

/**
 * Connects to a database of the team's. A connection that is lost later is told by the next query, or by whoever listens for `error`.
 *
 * @param name what PostgreSQL shows as `application_name`.
 * @throws Error as `pg` or the system gives it
 */
export async function connectDatabase(address: DatabaseAddress, name: string): Promise<pg.Client> {
  // What may be given up is tried last; libpq does the same.
  const [first, second] = attempts(address);
  try {
    return await attempt(address, name, first);
  } catch (error) {
    const isAboutTls = second !== undefined && isRefusal(error, first);
    if (!isAboutTls) throw error;
    return attempt(address, name, second);
  }
}

type Tls = pg.ClientConfig["ssl"];

function attempts(address: DatabaseAddress): [Tls, Tls?] {
  // Nobody listens in on a socket of the machine's own, and PostgreSQL has no TLS there.
  if (address.host.startsWith("/")) return [false];
  switch (address.sslMode) {
    case "disable":
      return [false];
    case "allow":
      return [false, tlsOf(address, "require")];
    case "prefer":
      return [tlsOf(address, "require"), false];
    case "require":
    case "verify-ca":
    case "verify-full":
      return [tlsOf(address, address.sslMode)];
  }
}

/** Whether another attempt, with or without TLS, may fare better. */
function isRefusal(error: unknown, tls: Tls): boolean {
  if (!(error instanceof Error)) return false;
  // invalid_authorization_specification: pg_hba.conf wants TLS.
  if (tls === false) return "code" in error && error.code === "28000";
  return error.message.includes("does not support SSL") || ("code" in error && error.code === "28000");
}

function tlsOf(address: DatabaseAddress, mode: SslMode): Tls {
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
    ...(isIP(address.host) === 0 ? { servername: address.host } : { host: address.host }),
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

async function attempt(address: DatabaseAddress, name: string, ssl: Tls): Promise<pg.Client> {
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    database: address.database,
    user: address.user,
    // Without a password `pg` would look for a file of its own.
    password: () => address.password ?? "",
    ssl: ssl ?? false,
    application_name: name,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // Without a listener a lost connection would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.end().catch(() => undefined);
    throw error;
  }
}

/** What went wrong with a database, in one line. */
export function databaseTrouble(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(databaseTrouble).join("; ");
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && "code" in error ? String(error.code) : error.message;
}
