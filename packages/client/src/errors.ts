import type { SessionFeature } from "./session-feature.ts";

/**
 * What became of a statement that failed. `not-sent`: no server can have seen it. `rolled-back`: the server saw it and undid it. `unknown`: it may have been done, and
 * nobody can tell: the answer was lost.
 */
export type Outcome = "not-sent" | "rolled-back" | "unknown";

/** Why a call failed for good: what was tried, how often, and what became of the last try. The error of the last try is its `cause`. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly reason: "refused" | "deadline" | "attempts" | "circuit-open";
  readonly outcome: Outcome;
  /** Tries that were made; 0 where the circuit was open. */
  readonly attempts: number;
  /** SQLSTATE of the last try's error, where the server or the pooler gave one. */
  readonly sqlState: string | undefined;

  constructor(
    message: string,
    details: Pick<DatabaseError, "reason" | "outcome" | "attempts" | "sqlState">,
    cause: unknown,
  ) {
    super(message, { cause });
    this.reason = details.reason;
    this.outcome = details.outcome;
    this.attempts = details.attempts;
    this.sqlState = details.sqlState;
  }
}

/** A statement that cannot work through a transaction pooler. It was not sent. */
export class SessionFeatureError extends Error {
  override readonly name = "SessionFeatureError";
  readonly feature: SessionFeature["feature"];

  constructor({ feature, instead }: SessionFeature) {
    super(
      `${feature} does not work through a pooler in transaction mode: the next statement may run on another server connection. ${instead}`,
    );
    this.feature = feature;
  }
}

/** A try that took longer than it may. The connection is closed: what the server does with the statement is not known. */
export class AttemptTimeoutError extends Error {
  override readonly name = "AttemptTimeoutError";
}

/** A connection string or an option that cannot be used. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}
