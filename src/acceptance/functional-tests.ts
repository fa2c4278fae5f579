import type { Functions, Load, Part } from "./measurements.ts";
import type { TestVerdict } from "./verdict.ts";

/** What decides how a pooler ought to behave. */
export interface PoolerKind {
  version: string;
  poolMode: string;
  /** From SHOW CONFIG; what the version does not know is undefined. */
  setting: (name: string) => string | undefined;
}

/** What somebody wants besides: test to outcome. */
export type Expectations = Readonly<Record<string, string>>;

interface Expected {
  outcome: string;
  why: string;
}

interface FunctionalTest {
  title: string;
  /** Outcomes that the measuring program may tell. */
  outcomes: readonly string[];
  expected(pooler: PoolerKind): Expected;
}

const always = (why: string) => (): Expected => ({ outcome: "holds", why });

const TESTS: Readonly<Record<string, FunctionalTest>> = {
  "transaction-isolation": {
    title: "Transactions are isolated",
    outcomes: ["holds", "broken"],
    expected: always("a transaction keeps its server connection until it ends"),
  },
  "state-in-transactions": {
    title: "What belongs to a transaction ends with it",
    outcomes: ["holds", "broken"],
    expected: always("SET LOCAL, ON COMMIT DROP and transaction locks are the server's own affair"),
  },
  "tracked-parameters": {
    title: "Parameters that PgBouncer keeps stay with their client",
    outcomes: ["holds", "broken"],
    expected: always(
      "client_encoding, DateStyle, TimeZone, application_name, standard_conforming_strings are set anew for each client",
    ),
  },
  "session-state": {
    title: "Session state does not reach other clients",
    outcomes: ["isolated", "leaks"],
    expected: ({ poolMode, setting }) => {
      if (poolMode === "session")
        return {
          outcome: "isolated",
          why: "in session mode server_reset_query cleans up when a client leaves",
        };
      return setting("server_reset_query_always") === "1"
        ? { outcome: "isolated", why: "server_reset_query_always cleans up after each transaction" }
        : {
            outcome: "leaks",
            why: `in ${poolMode} mode nobody cleans up: applications use SET LOCAL instead of SET (docs/application.md)`,
          };
    },
  },
  "prepared-statements": {
    title: "Prepared statements of the protocol",
    outcomes: ["work", "refused"],
    expected: ({ version, poolMode, setting }) => {
      if (poolMode === "session")
        return { outcome: "work", why: "in session mode a client keeps its server connection" };
      const most = setting("max_prepared_statements");
      if (most === undefined)
        return {
          outcome: "refused",
          why: `PgBouncer ${version} cannot do it in ${poolMode} mode: 1.21 and later can`,
        };
      return Number(most) > 0
        ? { outcome: "work", why: `max_prepared_statements is ${most}` }
        : { outcome: "refused", why: "max_prepared_statements is 0" };
    },
  },
  errors: {
    title: "Errors arrive, and leave nothing behind",
    outcomes: ["holds", "broken"],
    expected: always("what PostgreSQL says goes through, and wrong logins are refused"),
  },
  "a-client-that-vanishes": {
    title: "A client that vanishes leaves no transaction behind",
    outcomes: ["holds", "broken"],
    expected: always(
      "PgBouncer closes a server connection whose client is lost in the middle of a transaction",
    ),
  },
  "pool-exhaustion": {
    title: "An exhausted pool lets clients wait",
    outcomes: ["holds", "broken"],
    expected: always("who finds no free server connection waits"),
  },
  "wait-limit": {
    title: "Who waits for longer than query_wait_timeout is refused",
    outcomes: ["holds", "broken"],
    expected: always("PgBouncer gives up on clients that have waited too long, and on nobody else"),
  },
};

const RESTART = "restart-under-load";

/** Names of all functional tests. */
export const TEST_NAMES: readonly string[] = [...Object.keys(TESTS), RESTART];

/** Outcomes that may be expected of a test; empty for one that there is not. */
export function outcomesOf(name: string): readonly string[] {
  return name === RESTART ? ["recovers", "broken"] : (TESTS[name]?.outcomes ?? []);
}

/** Each test's verdict. One that was not made says why. */
export function judgeTests(
  pooler: PoolerKind,
  functions: Part<Functions>,
  restart: Part<Load>,
  recoveryLimitMs: number,
  wanted: Expectations,
): TestVerdict[] {
  const made = Object.entries(TESTS).map(([name, test]): TestVerdict => {
    const expected = wantedOr(name, test.expected(pooler), wanted);
    const about = { name, title: test.title, expected: expected.outcome, why: expected.why };
    if ("reason" in functions)
      return { ...about, status: "not-made", observed: "", detail: functions.reason };
    const seen = functions.measured.tests.find((one) => one.name === name);
    if (seen === undefined) return { ...about, status: "not-made", observed: "", detail: "it was left out" };
    if (seen.observed === "not-made")
      return { ...about, status: "not-made", observed: "", detail: seen.detail };
    return {
      ...about,
      status: seen.observed === expected.outcome ? "passed" : "failed",
      observed: seen.observed,
      detail: seen.detail,
    };
  });
  return [...made, judgeRestart(restart, recoveryLimitMs, wanted)];
}

function wantedOr(name: string, expected: Expected, wanted: Expectations): Expected {
  const outcome = wanted[name];
  return outcome === undefined || outcome === expected.outcome
    ? expected
    : { outcome, why: "it was demanded" };
}

function judgeRestart(restart: Part<Load>, recoveryLimitMs: number, wanted: Expectations): TestVerdict {
  const about = {
    name: RESTART,
    title: "A restart under load is survived",
    ...((expected) => ({ expected: expected.outcome, why: expected.why }))(
      wantedOr(
        RESTART,
        { outcome: "recovers", why: `each client is served again within ${recoveryLimitMs / 1000} s` },
        wanted,
      ),
    ),
  };
  if ("reason" in restart) return { ...about, status: "not-made", observed: "", detail: restart.reason };
  const { clients, failed, reconnects, longest_gap_ms: gap, wrong, answered, errors } = restart.measured;
  if (reconnects === 0 && failed === 0)
    return {
      ...about,
      status: "not-made",
      observed: "",
      detail: "no client noticed a restart: it came too late, or not at all",
    };
  const detail = [
    `${clients} clients, ${answered} answers: ${failed} errors, ${reconnects} new logins, nobody without an answer for longer than ${(gap / 1000).toFixed(1)} s`,
    ...(wrong > 0 ? [`${wrong} answers were another client's`] : []),
    ...Object.entries(errors).map(([error, count]) => `${count} × ${error}`),
  ].join("; ");
  const observed = gap <= recoveryLimitMs && wrong === 0 ? "recovers" : "broken";
  return { ...about, status: observed === about.expected ? "passed" : "failed", observed, detail };
}
