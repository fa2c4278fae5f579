import { expect, test } from "vitest";
import { AttemptTimeoutError } from "../../../packages/client/src/errors.ts";
import { failureOf, type Stage } from "../../../packages/client/src/failure.ts";

const said = (severity: string, code: string, message: string): Error =>
  Object.assign(new Error(message), { severity, code });
const lost = new Error("Connection terminated unexpectedly");

test.each<[string, Error, Stage, string, boolean]>([
  // What PgBouncer 1.18 and 1.24 and PostgreSQL said on real hosts.
  [
    "a refused connection",
    Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
    "connecting",
    "not-sent",
    true,
  ],
  ["a wrong password", said("FATAL", "08P01", "SASL authentication failed"), "connecting", "not-sent", false],
  ["an unknown user", said("FATAL", "08P01", "no such user"), "connecting", "not-sent", false],
  [
    "a wrong certificate",
    Object.assign(new Error("x"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" }),
    "connecting",
    "not-sent",
    false,
  ],
  [
    "a full pooler",
    said("FATAL", "08P01", "no more connections allowed (max_client_conn)"),
    "connecting",
    "not-sent",
    true,
  ],
  [
    "a server that is down",
    said("FATAL", "08P01", "server login has been failing, try again later (server_login_retry)"),
    "autocommit",
    "not-sent",
    true,
  ],
  ["an exhausted pool", said("FATAL", "08P01", "query_wait_timeout"), "autocommit", "not-sent", true],
  [
    "a starting server",
    said("FATAL", "57P03", "the database system is starting up"),
    "autocommit",
    "not-sent",
    true,
  ],
  ["a lost connection in a transaction", lost, "transaction", "rolled-back", true],
  ["a lost connection at COMMIT", lost, "committing", "unknown", true],
  ["a lost connection under a statement of its own", lost, "autocommit", "unknown", true],
  ["a try that took too long", new AttemptTimeoutError("late"), "autocommit", "unknown", true],
  [
    "a server connection that crashed",
    said("FATAL", "08P01", "server conn crashed?"),
    "autocommit",
    "unknown",
    true,
  ],
  [
    "a terminated backend",
    said("FATAL", "57P01", "terminating connection due to administrator command"),
    "autocommit",
    "rolled-back",
    true,
  ],
  [
    "a serialization failure at COMMIT",
    said("ERROR", "40001", "could not serialize access"),
    "committing",
    "rolled-back",
    true,
  ],
  ["a deadlock", said("ERROR", "40P01", "deadlock detected"), "transaction", "rolled-back", true],
  [
    "a standby",
    said("ERROR", "25006", "cannot execute INSERT in a read-only transaction"),
    "autocommit",
    "rolled-back",
    true,
  ],
  [
    "a statement timeout",
    said("ERROR", "57014", "canceling statement due to statement timeout"),
    "transaction",
    "rolled-back",
    false,
  ],
  ["a unique violation", said("ERROR", "23505", "duplicate key value"), "autocommit", "rolled-back", false],
  [
    "a completion nobody knows",
    said("ERROR", "40003", "statement completion unknown"),
    "autocommit",
    "unknown",
    true,
  ],
])("%s", (_what, error, stage, outcome, isTransient) => {
  expect(failureOf(error, stage)).toMatchObject({ outcome, isTransient });
});

test("a connection to a standby does not go back to the pool, one with a failed statement does", () => {
  expect(failureOf(said("ERROR", "25006", "read-only"), "autocommit").isConnectionSpent).toBe(true);
  expect(failureOf(said("ERROR", "23505", "duplicate"), "autocommit").isConnectionSpent).toBe(false);
});

test("statements that the server refuses do not open the circuit", () => {
  expect(failureOf(said("ERROR", "40001", "conflict"), "transaction").isUnavailable).toBe(false);
  expect(failureOf(lost, "transaction").isUnavailable).toBe(true);
});
