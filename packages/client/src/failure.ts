import { AttemptTimeoutError, type Outcome } from "./errors.ts";

/**
 * How far a try had come. `connecting`: no server connection yet. `autocommit`: a statement of its own was sent. `transaction`: BEGIN was sent and COMMIT was not.
 * `committing`: COMMIT was sent.
 */
export type Stage = "connecting" | "autocommit" | "transaction" | "committing";

/** What a failed try means. */
export interface Failure {
  outcome: Outcome;
  /** The same may work in a moment. */
  isTransient: boolean;
  /** The pooler or the server was not there for us, as opposed to not liking the statement: counts for the circuit breaker. */
  isUnavailable: boolean;
  /** The connection must not go back to the pool. */
  isConnectionSpent: boolean;
  sqlState: string | undefined;
  /** A word for metrics. */
  reason:
    | "connect"
    | "refused-login"
    | "pooler"
    | "exhausted"
    | "shutdown"
    | "lost"
    | "timeout"
    | "conflict"
    | "read-only"
    | "resources"
    | "statement";
}

/** PgBouncer says 08P01 for nearly everything; only its words tell apart what happened. In these cases no server was given the statement (seen on 1.18 and 1.24). */
const NEVER_SENT =
  /cannot connect to server|server login has been failing|no more connections allowed|server_login_retry|the database system is (?:starting up|shutting down)|does not allow connections|pooler is shut|no more auth|too many clients/;
const NEVER_LET_IN =
  /no such (?:user|database)|does not exist|not permitted|authentication failed|SASL|SCRAM|SSL required|unsupported startup parameter|unsupported .*options|login rejected|is reserved|wrong password|bouncer config error/i;
/** Server errors that may be gone at the next try, and what they are; everything else that the server says is about the statement. Source: PostgreSQL, appendix A. */
const PASSING: Readonly<Record<string, Failure["reason"]>> = {
  "40001": "conflict",
  "40P01": "conflict",
  "55P03": "conflict",
  "25006": "read-only",
  "53000": "resources",
  "53200": "resources",
  "53300": "resources",
};
const CERTIFICATE = /^(?:ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** Reads an error of the driver. Pure. */
export function failureOf(error: unknown, stage: Stage): Failure {
  const { code, severity, message } = fieldsOf(error);
  const sqlState = severity !== undefined && code !== undefined ? code : undefined;
  const failure = { sqlState, isConnectionSpent: true };
  const isLate = error instanceof AttemptTimeoutError;
  if (stage === "connecting") {
    const found = connecting(code, sqlState, message);
    return { ...failure, ...found, reason: isLate ? "timeout" : found.reason };
  }
  if (sqlState === undefined) {
    const reason = isLate ? "timeout" : "lost";
    return { ...failure, outcome: lostAt(stage), isTransient: true, isUnavailable: true, reason };
  }
  if (severity === "ERROR") return { ...failure, ...refused(sqlState) };
  return { ...failure, ...cut(sqlState, message, stage) };
}

function connecting(
  code: string | undefined,
  sqlState: string | undefined,
  message: string,
): Omit<Failure, "sqlState" | "isConnectionSpent"> {
  const isRefused =
    (sqlState !== undefined && (/^(?:28|3D|42|22|0A)/.test(sqlState) || NEVER_LET_IN.test(message))) ||
    CERTIFICATE.test(code ?? "") ||
    /does not support SSL|password must be a string/.test(message);
  return {
    outcome: "not-sent",
    isTransient: !isRefused,
    isUnavailable: true,
    reason: isRefused ? "refused-login" : sqlState === undefined ? "connect" : "pooler",
  };
}

/** The server said no, and undid what the transaction had done. */
function refused(sqlState: string): Omit<Failure, "sqlState"> {
  const reason = PASSING[sqlState] ?? "statement";
  // Whether it was committed: the server itself does not know.
  const isUnknown = sqlState === "40003" || sqlState === "08007";
  return {
    outcome: isUnknown ? "unknown" : "rolled-back",
    isTransient: reason !== "statement" || isUnknown,
    isUnavailable: false,
    // A standby where a primary was: another connection may come to the new primary.
    isConnectionSpent: reason === "read-only",
    reason,
  };
}

/** The connection was ended with a word. */
function cut(
  sqlState: string,
  message: string,
  stage: Stage,
): Omit<Failure, "sqlState" | "isConnectionSpent"> {
  if (message.includes("query_wait_timeout"))
    return { outcome: "not-sent", isTransient: true, isUnavailable: true, reason: "exhausted" };
  // While the client waits for a server connection PgBouncer logs in for it, and hands the server's refusal on.
  if (NEVER_SENT.test(message) || sqlState === "57P03" || sqlState === "53300")
    return { outcome: "not-sent", isTransient: true, isUnavailable: true, reason: "pooler" };
  if (/^(?:28|3D)/.test(sqlState) || NEVER_LET_IN.test(message))
    return { outcome: "not-sent", isTransient: false, isUnavailable: true, reason: "refused-login" };
  // pg_terminate_backend and a stopping server: the backend takes the signal only outside of a commit, so what it answers with this was undone.
  if (sqlState === "57P01")
    return { outcome: "rolled-back", isTransient: true, isUnavailable: true, reason: "shutdown" };
  if (sqlState === "25P03")
    return { outcome: "rolled-back", isTransient: false, isUnavailable: false, reason: "statement" };
  return { outcome: lostAt(stage), isTransient: true, isUnavailable: true, reason: "lost" };
}

/** Without COMMIT nothing lasts; with it, or without a transaction, nobody knows. */
const lostAt = (stage: Stage): Outcome => (stage === "transaction" ? "rolled-back" : "unknown");

function fieldsOf(error: unknown): {
  code: string | undefined;
  severity: string | undefined;
  message: string;
} {
  if (!(error instanceof Error)) return { code: undefined, severity: undefined, message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const severity = "severity" in error && typeof error.severity === "string" ? error.severity : undefined;
  return { code, severity, message: error.message };
}
