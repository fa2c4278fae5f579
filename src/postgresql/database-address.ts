import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import { passwordOf } from "./password-file.ts";

/** libpq's words (PostgreSQL's manual, "SSL Mode Descriptions"). */
export const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** One of the servers that a database may be on. */
export interface DatabaseServer {
  /** A name, an address, or the folder of a socket. */
  host: string;
  port: number;
  /** Of the address, PGPASSWORD or ~/.pgpass; absent where none is needed. */
  password: string | undefined;
}

/** Where a database of the team's is, and how to log in there. */
export interface DatabaseAddress {
  /** At least one. Of several the first that takes writes is meant: the others are its standbys. */
  servers: readonly DatabaseServer[];
  database: string;
  user: string;
  sslMode: SslMode;
  /** Files; `system` for the authorities that the system trusts. */
  sslRootCertificate: string | undefined;
  sslCertificate: string | undefined;
  sslKey: string | undefined;
  /** For people: without the password. */
  shown: string;
}

const PARAMETERS = [
  "host",
  "port",
  "dbname",
  "user",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "target_session_attrs",
];

/**
 * The address of a database: `postgres://user@host:port/database?sslmode=verify-full`, or `@file` with such a line in it. Instead of a host there may be several, as with libpq:
 * `host1:port1,host2:port2`. What it leaves open comes from libpq's variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGSSLMODE, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY).
 *
 * @param isPublic the text stands in a command line, where other users see it: then it must not have the password in it.
 * @throws DiagnosticsError invalid-option
 */
export function databaseAddress(
  text: string,
  given: { option: string; isPublic: boolean; secrets: Secrets; environment?: NodeJS.ProcessEnv },
): DatabaseAddress {
  const { option, secrets, environment = process.env } = given;
  const isFile = text.startsWith("@");
  const { url, servers: named } = urlOf(isFile ? lineOfFile(text.slice(1), option) : text, option);
  if (url.password !== "" && given.isPublic && !isFile) {
    secrets.add(decoded(url.password));
    throw inputError(
      "invalid-option",
      `${option}: a password in a command line is seen by every user of this machine`,
      {
        hint: "leave it out, and put it into PGPASSWORD or ~/.pgpass; or put the whole address into a file that only you can read: @FILE",
      },
    );
  }
  const parameter = (name: string, variable: string): string | undefined =>
    url.searchParams.get(name) || environment[variable] || undefined;
  for (const name of url.searchParams.keys()) requireKnown(name, option);
  requireWrites(parameter("target_session_attrs", "PGTARGETSESSIONATTRS"), option);
  const user = decoded(url.username) || parameter("user", "PGUSER") || userInfo().username;
  const database = decoded(url.pathname.slice(1)) || parameter("dbname", "PGDATABASE") || user;
  const known = decoded(url.password) || environment["PGPASSWORD"] || undefined;
  const servers = serversOf(named, parameter("host", "PGHOST"), parameter("port", "PGPORT"), option).map(
    ({ host, port }) => ({
      host,
      port,
      password: known ?? passwordOf({ host, port, database, user }, environment),
    }),
  );
  for (const { password } of servers) if (password !== undefined) secrets.add(password);
  return {
    servers,
    database,
    user,
    sslMode: sslModeOf(parameter("sslmode", "PGSSLMODE") ?? "prefer", option),
    sslRootCertificate: parameter("sslrootcert", "PGSSLROOTCERT"),
    sslCertificate: parameter("sslcert", "PGSSLCERT"),
    sslKey: parameter("sslkey", "PGSSLKEY"),
    shown: `postgres://${encodeURIComponent(user)}@${servers.map(shownServer).join(",")}/${encodeURIComponent(database)}`,
  };
}

/** A host and a port as they were written; empty where they were left out. */
interface NamedServer {
  host: string;
  port: string;
}

/** The parts of an address. A URL has one host: so of several each is read with what stands around them. */
function urlOf(text: string, option: string): { url: URL; servers: NamedServer[] } {
  const expected = { expected: "postgres://user@host:5432/database?sslmode=verify-full" };
  const parts = /^(postgres(?:ql)?:\/\/(?:[^/?#@]*@)?)([^/?#@]*)(.*)$/s.exec(text);
  if (parts === null)
    throw inputError("invalid-option", `${option}: this is no address of a PostgreSQL database`, expected);
  const [, before = "", hosts = "", after = ""] = parts;
  try {
    const urls = hosts.split(",").map((host) => new URL(`${before}${host}${after}`));
    const [url = new URL(text)] = urls;
    const servers = urls.map(({ hostname, port }) => ({
      host: decoded(hostname).replace(/^\[(.*)\]$/, "$1"),
      port,
    }));
    return { url, servers };
  } catch {
    throw inputError("invalid-option", `${option}: this address can't be read`, {
      ...expected,
      hint: "write @, / and : in names as %40, %2F and %3A; of several hosts each may have a port: host1:5432,host2:5432",
    });
  }
}

/** Host and port of each server. Where the address names none, `host` and `port` do, with commas between several (libpq: one port for all, or one for each). */
function serversOf(
  named: readonly NamedServer[],
  host: string | undefined,
  port: string | undefined,
  option: string,
): { host: string; port: number }[] {
  const hosts = named.every((one) => one.host === "") ? (host ?? "localhost").split(",") : undefined;
  const servers = hosts?.map((one) => ({ host: one, port: named[0]?.port ?? "" })) ?? named;
  const ports = (port ?? "").split(",");
  if (ports.length > 1 && ports.length !== servers.length)
    throw inputError(
      "invalid-option",
      `${option}: there are ${ports.length} ports for ${servers.length} hosts`,
    );
  return servers.map((server, index) => {
    const text = server.port || ports[ports.length > 1 ? index : 0] || "5432";
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1 || number > 65535)
      throw inputError("invalid-option", `${option}: there is no port ${text}`);
    return { host: server.host || "localhost", port: number };
  });
}

function shownServer({ host, port }: DatabaseServer): string {
  const shown = host.includes(":") ? `[${host}]` : host.startsWith("/") ? encodeURIComponent(host) : host;
  return `${shown}:${port}`;
}

/** Plumb writes wherever it connects, so that is what it looks for among several hosts. */
function requireWrites(attributes: string | undefined, option: string): void {
  if (attributes === undefined || ["any", "read-write", "primary"].includes(attributes)) return;
  throw inputError("invalid-option", `${option}: target_session_attrs is ${attributes}`, {
    expected: "read-write, as Plumb writes there; that is also how one of several hosts is chosen",
  });
}

function lineOfFile(file: string, option: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw inputError("file-unreadable", `${option} @${file}: ${reason}`);
  }
}

function requireKnown(name: string, option: string): void {
  if (PARAMETERS.includes(name)) return;
  const near = didYouMean(name, PARAMETERS);
  throw inputError("invalid-option", `${option}: Plumb does not know the parameter ${name}`, {
    expected: PARAMETERS.join(", "),
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

function sslModeOf(word: string, option: string): SslMode {
  const mode = SSL_MODES.find((one) => one === word);
  if (mode !== undefined) return mode;
  throw inputError("invalid-option", `${option}: there is no sslmode ${word}`, {
    expected: SSL_MODES.join(", "),
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
