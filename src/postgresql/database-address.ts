import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import { passwordOf } from "./password-file.ts";

/** libpq's words (PostgreSQL's manual, "SSL Mode Descriptions"). */
export const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Where a database of the team's is, and how to log in there. */
export interface DatabaseAddress {
  /** A name, an address, or the folder of a socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  /** Of the address, PGPASSWORD or ~/.pgpass; absent where none is needed. */
  password: string | undefined;
  sslMode: SslMode;
  /** Files; `system` for the authorities that the system trusts. */
  sslRootCertificate: string | undefined;
  sslCertificate: string | undefined;
  sslKey: string | undefined;
  /** For people: without the password. */
  shown: string;
}

const PARAMETERS = ["host", "port", "dbname", "user", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/**
 * The address of a database: `postgres://user@host:port/database?sslmode=verify-full`, or `@file` with such a line in it. What it leaves open comes from libpq's
 * variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGSSLMODE, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY).
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
  const url = urlOf(isFile ? lineOfFile(text.slice(1), option) : text, option);
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
  const user = decoded(url.username) || parameter("user", "PGUSER") || userInfo().username;
  const host =
    decoded(url.hostname).replace(/^\[(.*)\]$/, "$1") || parameter("host", "PGHOST") || "localhost";
  const port = Number(url.port || parameter("port", "PGPORT") || 5432);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw inputError("invalid-option", `${option}: there is no port ${port}`);
  const database = decoded(url.pathname.slice(1)) || parameter("dbname", "PGDATABASE") || user;
  const known = decoded(url.password) || environment["PGPASSWORD"] || undefined;
  const password = known ?? passwordOf({ host, port, database, user }, environment);
  if (password !== undefined) secrets.add(password);
  const shownHost = host.includes(":") ? `[${host}]` : host.startsWith("/") ? encodeURIComponent(host) : host;
  return {
    host,
    port,
    database,
    user,
    password,
    sslMode: sslModeOf(parameter("sslmode", "PGSSLMODE") ?? "prefer", option),
    sslRootCertificate: parameter("sslrootcert", "PGSSLROOTCERT"),
    sslCertificate: parameter("sslcert", "PGSSLCERT"),
    sslKey: parameter("sslkey", "PGSSLKEY"),
    shown: `postgres://${encodeURIComponent(user)}@${shownHost}:${port}/${encodeURIComponent(database)}`,
  };
}

function urlOf(text: string, option: string): URL {
  const expected = { expected: "postgres://user@host:5432/database?sslmode=verify-full" };
  if (!/^postgres(ql)?:\/\//.test(text))
    throw inputError("invalid-option", `${option}: this is no address of a PostgreSQL database`, expected);
  try {
    return new URL(text);
  } catch {
    throw inputError("invalid-option", `${option}: this address can't be read`, {
      ...expected,
      hint: "of several hosts name one; write @, / and : in names as %40, %2F and %3A",
    });
  }
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
