import { describe, expect, test } from "vitest";
import {
  judgeTests,
  outcomesOf,
  type PoolerKind,
  TEST_NAMES,
} from "../../src/acceptance/functional-tests.ts";
import type { Functions, Load, Part } from "../../src/acceptance/measurements.ts";
import type { TestVerdict } from "../../src/acceptance/verdict.ts";
import { load, measured } from "./measured.ts";

const pooler = (version: string, poolMode: string, settings: Record<string, string> = {}): PoolerKind => ({
  version,
  poolMode,
  setting: (name) => settings[name],
});
const seen = (name: string, observed: string): Part<Functions> => ({
  measured: { tests: [{ name, observed, detail: "as it was" }] },
});
const RESTART: Part<Load> = { measured: load({ failed: 3, reconnects: 3 }) };
const OLD = pooler("1.18.0", "transaction");

function verdictOn(name: string, kind: PoolerKind, functions: Part<Functions>, wanted = {}): TestVerdict {
  const found = judgeTests(kind, functions, RESTART, 10_000, wanted).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no verdict on ${name}`);
  return found;
}

describe("functional tests", () => {
  const new124 = (more: Record<string, string>) => pooler("1.24.1", "transaction", more);
  test.each<[string, PoolerKind, string]>([
    ["1.18 in transaction mode", OLD, "refused"],
    ["1.24 with max_prepared_statements", new124({ max_prepared_statements: "200" }), "work"],
    ["1.24 without", new124({ max_prepared_statements: "0" }), "refused"],
    ["1.18 in session mode", pooler("1.18.0", "session"), "work"],
  ])("of prepared statements through %s it expects that they %s", (_what, kind, outcome) => {
    for (const observed of ["work", "refused"])
      expect(verdictOn("prepared-statements", kind, seen("prepared-statements", observed))).toMatchObject({
        expected: outcome,
        observed,
        status: observed === outcome ? "passed" : "failed",
      });
  });

  test.each<[string, PoolerKind, string]>([
    ["transaction mode", OLD, "leaks"],
    ["session mode", pooler("1.24.1", "session"), "isolated"],
    ["transaction mode that resets always", new124({ server_reset_query_always: "1" }), "isolated"],
  ])("of session state in %s it expects that it is %s", (_what, kind, outcome) => {
    expect(verdictOn("session-state", kind, seen("session-state", outcome)).status).toBe("passed");
    const other = outcome === "leaks" ? "isolated" : "leaks";
    expect(verdictOn("session-state", kind, seen("session-state", other)).status).toBe("failed");
  });

  test("what somebody demands wins over what the version leads to", () => {
    const wanted = { "session-state": "isolated" };
    expect(verdictOn("session-state", OLD, seen("session-state", "leaks"), wanted)).toMatchObject({
      status: "failed",
      why: "it was demanded",
    });
  });

  test("a test that could not be made, was left out or gave no result is none that passed", () => {
    expect(verdictOn("errors", OLD, seen("errors", "not-made"))).toMatchObject({
      status: "not-made",
      detail: "as it was",
    });
    expect(verdictOn("errors", OLD, seen("session-state", "leaks")).status).toBe("not-made");
    expect(verdictOn("errors", OLD, { reason: "the host was lost" })).toMatchObject({
      status: "not-made",
      detail: "the host was lost",
    });
  });

  test.each<[string, Partial<Load>, string]>([
    [
      "errors and new logins, and all are served again",
      { failed: 20, reconnects: 20, longest_gap_ms: 900 },
      "passed",
    ],
    [
      "somebody without an answer for too long",
      { failed: 20, reconnects: 19, longest_gap_ms: 12_000 },
      "failed",
    ],
    ["an answer that was another client's", { failed: 20, reconnects: 20, wrong: 1 }, "failed"],
    ["nothing that anybody noticed", { failed: 0, reconnects: 0 }, "not-made"],
  ])("a restart with %s has %s", (_what, more, status) => {
    const verdicts = judgeTests(OLD, seen("errors", "holds"), { measured: load(more) }, 10_000, {});
    expect(verdicts.find(({ name }) => name === "restart-under-load")?.status).toBe(status);
  });

  test("every test has outcomes, and a verdict", () => {
    const { functions, restart } = measured().parts;
    const verdicts = judgeTests(OLD, functions, restart, 10_000, {});
    expect(verdicts.map(({ name }) => name)).toEqual(TEST_NAMES);
    for (const { name, expected, status } of verdicts) {
      expect(outcomesOf(name)).toContain(expected);
      expect(status).toBe("passed");
    }
  });
});
