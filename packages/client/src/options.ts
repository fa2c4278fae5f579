import type { CircuitPolicy } from "./circuit.ts";
import { SettingsError } from "./errors.ts";
import type { RetryPolicy } from "./retry.ts";

/** What is known about the pooler. */
export interface Pooler {
  /** `transaction`: what needs the session is refused before it is sent. `session`: for PostgreSQL itself, or a pooler in session mode. */
  mode: "transaction" | "session";
  /** PgBouncer's version, such as "1.24"; decides whether prepared statements may have names. */
  version?: string;
  /** Its max_prepared_statements, where it is not the version's default. */
  maxPreparedStatements?: number;
}

export interface DatabaseOptions {
  /** postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE; see connectionSettings. */
  url: string;
  pooler?: Pooler;
  /** Connections to the pooler; few are enough. */
  maxConnections?: number;
  /** An idle connection is closed after this long. Below the pooler's client_idle_timeout and every firewall's. */
  idleTimeoutMs?: number;
  /** A connection is replaced after this long, so that clients come back to a pooler that was away. */
  maxLifetimeMs?: number;
  /** Where a call does not say otherwise: SET LOCAL statement_timeout, in a transaction. Without it the role's own timeout holds (ALTER ROLE … SET). */
  statementTimeoutMs?: number;
  /** How long one try may take, the waiting for a connection included. Longer than statementTimeoutMs, or the server never gets to say that it was too slow. */
  attemptTimeoutMs?: number;
  /** How long a call may take with all its tries. */
  deadlineMs?: number;
  retry?: Partial<RetryPolicy>;
  circuit?: Partial<CircuitPolicy>;
}

/** The options with everything filled in. */
export interface ResolvedOptions {
  pooler: Pooler;
  maxConnections: number;
  idleTimeoutMs: number;
  maxLifetimeMs: number;
  statementTimeoutMs: number | undefined;
  attemptTimeoutMs: number;
  deadlineMs: number;
  retry: RetryPolicy;
  circuit: CircuitPolicy;
}

/** Fills in what is not given. Throws SettingsError for numbers that cannot be meant. */
export function resolveOptions(options: DatabaseOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    pooler: options.pooler ?? { mode: "transaction" },
    maxConnections: options.maxConnections ?? 10,
    idleTimeoutMs: options.idleTimeoutMs ?? 30_000,
    maxLifetimeMs: options.maxLifetimeMs ?? 300_000,
    statementTimeoutMs: options.statementTimeoutMs,
    attemptTimeoutMs: options.attemptTimeoutMs ?? 15_000,
    deadlineMs: options.deadlineMs ?? 30_000,
    retry: { maxAttempts: 25, baseDelayMs: 50, maxDelayMs: 2_000, ...options.retry },
    circuit: {
      threshold: 0.5,
      windowMs: 10_000,
      minimumPerSecond: 1,
      patienceMs: 5_000,
      openMs: 2_000,
      ...options.circuit,
    },
  };
  const { maxConnections, attemptTimeoutMs, deadlineMs, statementTimeoutMs, retry } = resolved;
  positive("maxConnections", maxConnections);
  positive("attemptTimeoutMs", attemptTimeoutMs);
  positive("deadlineMs", deadlineMs);
  positive("retry.maxAttempts", retry.maxAttempts);
  if (statementTimeoutMs !== undefined) statementTimeout(statementTimeoutMs, attemptTimeoutMs);
  return resolved;
}

/** @returns the timeout, whole milliseconds; throws SettingsError where the server could never say that it was exceeded */
export function statementTimeout(milliseconds: number, attemptTimeoutMs: number): number {
  positive("statementTimeoutMs", milliseconds);
  if (milliseconds >= attemptTimeoutMs) {
    throw new SettingsError(
      `statementTimeoutMs (${milliseconds}) must be less than attemptTimeoutMs (${attemptTimeoutMs}): the connection would be closed before the server can end the statement`,
    );
  }
  return milliseconds;
}

function positive(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new SettingsError(`${name} is not a whole number above 0`);
}

/** Whether the pooler keeps prepared statements with names apart (PgBouncer 1.21; on by default since 1.24). Unknown versions are taken for older ones. */
export function keepsNamedStatements({ mode, version, maxPreparedStatements }: Pooler): boolean {
  if (mode === "session") return true;
  const [major = 0, minor = 0] = (version ?? "0.0").split(".").map(Number);
  const atLeast = (wanted: number): boolean => major > 1 || (major === 1 && minor >= wanted);
  return atLeast(21) && (maxPreparedStatements ?? (atLeast(24) ? 200 : 0)) > 0;
}
