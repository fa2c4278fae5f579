import { readFileSync } from "node:fs";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import type { PoolConfig } from "pg";
import { SettingsError } from "./errors.ts";

/** libpq's names for what may stand after the `?`. */
const KNOWN = new Set([
  "host",
  "hostaddr",
  "port",
  "user",
  "password",
  "dbname",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "application_name",
  "connect_timeout",
]);

/** What the driver is given. */
export type ConnectionSettings = Pick<
  PoolConfig,
  "host" | "port" | "user" | "password" | "database" | "application_name" | "connectionTimeoutMillis"
> & { ssl: ConnectionOptions | false };

/**
 * Reads a DATABASE_URL as libpq does: percent-encoded, `sslmode` with libpq's meanings (the driver's own reading takes `require` for something else), certificates as
 * paths of files. Throws SettingsError for what cannot be used, such as `options`, which a pooler refuses or forgets. The password is in no message.
 */
export function connectionSettings(url: string): ConnectionSettings {
  const parts = parse(url);
  const parameters = new Map(parts.searchParams);
  for (const name of parameters.keys()) refuseUnknown(name);
  const given = (name: string, own: string): string | undefined =>
    parameters.get(name) ?? (own === "" ? undefined : decode(own));
  const host = given("host", parts.hostname.replace(/^\[(.*)\]$/, "$1")) ?? "localhost";
  const timeout = Number(parameters.get("connect_timeout") ?? 10);
  const port = Number(given("port", parts.port) ?? 5432);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new SettingsError("the port is not one from 1 to 65535");
  if (!Number.isFinite(timeout) || timeout < 0)
    throw new SettingsError("connect_timeout is not a number of seconds");
  const user = given("user", parts.username);
  const password = given("password", parts.password);
  const database = given("dbname", parts.pathname.replace(/^\//, ""));
  const application = parameters.get("application_name");
  return {
    host: parameters.get("hostaddr") ?? host,
    port,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    ...(application === undefined ? {} : { application_name: application }),
    connectionTimeoutMillis: timeout * 1000,
    ssl: host.startsWith("/") ? false : tlsOptions(parameters, host),
  };
}

function parse(url: string): URL {
  const parts = URL.parse(url);
  if (parts === null || !/^postgres(?:ql)?:$/.test(parts.protocol)) {
    throw new SettingsError(
      "the address is no postgresql:// URL; expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with every special character in it percent-encoded",
    );
  }
  return parts;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SettingsError("a % in the address is followed by no two hexadecimal digits; write %25 for it");
  }
}

function refuseUnknown(name: string): void {
  if (name === "options") {
    throw new SettingsError(
      "`options` does not go through PgBouncer: it refuses the login or forgets them. Use statementTimeoutMs, or ALTER ROLE … SET",
    );
  }
  if (!KNOWN.has(name))
    throw new SettingsError(`there is no parameter \`${name}\`; known are ${[...KNOWN].join(", ")}`);
}

function tlsOptions(parameters: ReadonlyMap<string, string>, host: string): ConnectionOptions | false {
  const mode = parameters.get("sslmode") ?? "verify-full";
  if (mode === "disable") return false;
  if (!["require", "verify-ca", "verify-full"].includes(mode)) {
    throw new SettingsError(
      `sslmode=${mode} is not offered: it would go on without TLS. Use verify-full, verify-ca, require or disable`,
    );
  }
  const file = (name: string): Buffer | undefined => {
    const path = parameters.get(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      throw new SettingsError(`${name} ${path} cannot be read`, { cause: error });
    }
  };
  const [ca, cert, key] = [file("sslrootcert"), file("sslcert"), file("sslkey")];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: mode !== "require",
    // The name in the address, whatever the driver connects to (hostaddr, an address without a name).
    checkServerIdentity: (_name, certificate) =>
      mode === "verify-full" ? checkServerIdentity(host, certificate) : undefined,
  };
}
