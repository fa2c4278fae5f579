import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PoolerMeasurements } from "../../src/acceptance/measurements.ts";
import { judgeRequirements } from "../../src/acceptance/requirements.ts";
import {
  meets,
  REQUIREMENT_NAMES,
  type RequirementName,
  type Verdict,
} from "../../src/acceptance/verdict.ts";
import { LIMITS, load, measured, NO_LIMITS, sample, single } from "./measured.ts";

const verdictOn = (name: RequirementName, of: PoolerMeasurements, limits = LIMITS): Verdict => {
  const found = judgeRequirements(of, limits).find((verdict) => verdict.name === name);
  if (found === undefined) throw new Error(`no verdict on ${name}`);
  return found;
};

const samplesOf = (...taken: ReturnType<typeof sample>[]): PoolerMeasurements["parts"]["samples"] => ({
  measured: { version: "1.18.0", config: [], server_problem: null, samples: taken },
});

describe("the seven requirements", () => {
  test("a pooler that does well meets all", () => {
    expect(
      judgeRequirements(measured(), LIMITS).map(({ name, status, value }) => [name, status, value]),
    ).toEqual([
      ["connection_ms", "met", 4],
      ["utilisation_percent", "met", 50],
      ["wait_ms", "met", 0.05],
      ["reuse_percent", "met", 99.5],
      ["clients", "met", 1000],
      ["reduction_percent", "met", 99.5],
      ["overhead_ms", "met", 0.1],
    ]);
  });

  const slow = measured({
    single: {
      measured: single({
        login: { direct: [], pooled: Array.from({ length: 20 }, () => [12, 13] as [number, number]) },
        latency: { direct: [0.1, 0.1, 0.1], pooled: [2, 2, 2] },
      }),
    },
  });
  const full = measured({
    samples: samplesOf(
      sample({ at: 0, phase: "single" }),
      sample({ at: 1, phase: "normal", open: 10, waiting: 4, transactions: 100, waitUs: 20_000_000 }),
    ),
  });

  test.each<[string, RequirementName, PoolerMeasurements, number]>([
    ["slow logins", "connection_ms", slow, 12],
    ["slow queries", "overhead_ms", slow, 1.9],
    ["a full pool", "utilisation_percent", full, 100],
    ["a long queue", "wait_ms", full, 200],
    [
      "a pool that is opened anew all the time",
      "reuse_percent",
      measured({
        samples: samplesOf(
          sample({ at: 0, phase: "single", sessions: 10 }),
          sample({ at: 1, phase: "normal", transactions: 100, sessions: 60 }),
        ),
      }),
      50,
    ],
    [
      "a crowd that was not let in",
      "clients",
      measured({
        crowd: { measured: load({ clients: 1000, logged_in: 999, served: 999, errors: { full: 1 } }) },
      }),
      999,
    ],
    [
      "as many connections as clients",
      "reduction_percent",
      measured({
        samples: samplesOf(
          sample({ at: 0, phase: "single" }),
          sample({ at: 1, phase: "crowd", clients: 1000, open: 500, size: 500 }),
        ),
      }),
      50,
    ],
  ])("%s miss %s", (_what, name, of, value) => {
    expect(verdictOn(name, of)).toMatchObject({ status: "missed", value });
  });

  test.each([
    ["an error", { failed: 1, errors: { "server closed the connection": 1 } }, "1 × server closed"],
    ["an answer that was another client's", { wrong: 1 }, "another client's"],
  ])("a crowd with %s is missed although all were served", (_what, more, said) => {
    const crowd = load({ clients: 1000, logged_in: 1000, served: 1000, ...more });
    const verdict = verdictOn("clients", measured({ crowd: { measured: crowd } }));
    expect(verdict).toMatchObject({ status: "missed", value: 1000 });
    expect(verdict.details[0]).toContain(said);
  });

  test("a crowd smaller than the limit tells nothing", () => {
    const crowd = load({ clients: 20 });
    expect(verdictOn("clients", measured({ crowd: { measured: crowd } }))).toMatchObject({
      status: "not-measured",
      reason: "only 20 clients were tried",
    });
  });

  test("1.23 and later count server assignments, and they win over transactions", () => {
    const of = measured({
      samples: samplesOf(
        sample({ at: 0, phase: "single", assignments: 0 }),
        sample({ at: 1, phase: "normal", transactions: 1000, assignments: 100, waitUs: 1_000_000 }),
      ),
    });
    expect(verdictOn("wait_ms", of).value).toBe(10);
  });

  test.each([
    ["1.18", {}, {}],
    ["1.24", { assignments: 0 }, { assignments: 6 }],
  ])("on %s those who wait still count with what they have waited", (_version, before, after) => {
    // Ten asked: six were served after 0.1 s each, four have waited for 0.5 s each.
    const of = measured({
      samples: samplesOf(
        sample({ at: 0, phase: "single", ...before }),
        sample({
          ...{ at: 1, phase: "normal", transactions: 10, waitUs: 600_000, waiting: 4, stillWaitedMs: 2000 },
          ...after,
        }),
      ),
    });
    expect(verdictOn("wait_ms", of)).toMatchObject({ value: 260, count: 10, status: "missed" });
  });

  test("a queue in which nothing moves is a wait, and no lack of a figure", () => {
    const stuck = (at: number) =>
      sample({ at, phase: "normal", transactions: 4, waiting: 4, stillWaitedMs: 4000 * at });
    const of = measured({ samples: samplesOf(sample({ at: 0, phase: "single" }), stuck(1), stuck(2)) });
    const { value, spread } = verdictOn("wait_ms", of);
    expect([value, spread?.high]).toEqual([2000, 2000]);
  });

  test("what logins waited is not the queries' wait", () => {
    const of = measured({
      samples: samplesOf(
        sample({ at: 0, phase: "single", clients: 1 }),
        sample({ at: 1, phase: "normal", clients: 10, waitUs: 9_000_000 }),
        sample({ at: 2, phase: "normal", transactions: 100, waitUs: 9_100_000 }),
      ),
    });
    expect(verdictOn("wait_ms", of).value).toBe(1);
  });

  test("counters that went back are no figure", () => {
    const of = measured({
      samples: samplesOf(
        sample({ at: 0, phase: "single", transactions: 500 }),
        sample({ at: 1, phase: "normal", transactions: 10 }),
      ),
    });
    expect(verdictOn("reuse_percent", of)).toMatchObject({ status: "not-measured" });
  });

  test("in session mode transactions tell nothing of waits and reuse, assignments do", () => {
    const session = (assignments?: number) =>
      measured({
        samples: samplesOf(
          sample({ at: 0, phase: "single", ...(assignments === undefined ? {} : { assignments: 0 }) }),
          sample({
            at: 1,
            phase: "normal",
            poolMode: "session",
            transactions: 1000,
            waitUs: 1_000_000,
            ...(assignments === undefined ? {} : { assignments }),
          }),
        ),
      });
    for (const name of ["wait_ms", "reuse_percent"] as const)
      expect(verdictOn(name, session()).reason).toContain("session mode");
    expect(verdictOn("wait_ms", session(10)).value).toBe(100);
  });

  test("several instances are one pool", () => {
    const one = sample({ at: 1, phase: "normal", open: 5, size: 10 });
    const two = { ...one, instances: [...one.instances, ...one.instances] };
    const of = measured({ samples: samplesOf(sample({ at: 0, phase: "single" }), two) });
    expect(verdictOn("utilisation_percent", of)).toMatchObject({
      value: 50,
      details: [expect.stringContaining("pool of 20"), expect.anything()],
    });
  });

  test("samples from before the clients were all there do not flatter", () => {
    const of = measured({
      samples: samplesOf(
        sample({ at: 0, phase: "single" }),
        sample({ at: 1, phase: "normal", clients: 2, open: 1 }),
        sample({ at: 2, phase: "normal", clients: 20, open: 9 }),
      ),
    });
    expect(verdictOn("utilisation_percent", of)).toMatchObject({ value: 90, status: "missed" });
  });

  test("without a direct connection there is no overhead, and the login is measured all the same", () => {
    const of = measured({
      single: {
        measured: single({
          login: { direct: [], pooled: [[4, 5]] },
          latency: { direct: [], pooled: [0.2] },
          direct_problem: "no pg_hba.conf entry",
        }),
      },
    });
    expect(verdictOn("overhead_ms", of)).toMatchObject({
      status: "not-measured",
      reason: expect.stringContaining("no pg_hba.conf entry"),
    });
    expect(verdictOn("connection_ms", of)).toMatchObject({ status: "met", value: 4 });
  });

  test("a verdict whose spread crosses the limit is not for certain", () => {
    const pooled = Array.from({ length: 20 }, (_, index) => [4 + index / 10, 9] as [number, number]);
    const of = measured({ single: { measured: single({ login: { direct: [], pooled } }) } });
    expect(verdictOn("connection_ms", of)).toMatchObject({ status: "met", isCertain: false });
    expect(verdictOn("connection_ms", of, { ...LIMITS, connection_ms: 50 })).toMatchObject({
      isCertain: true,
    });
  });

  describe("where the machines had other things to do", () => {
    // One query in twenty was held up, on the way past the pooler too.
    const latency = {
      direct: Array.from({ length: 100 }, (_, index) => (index % 20 === 0 ? 8 : 0.1)),
      pooled: Array.from({ length: 100 }, () => 0.2),
    };
    const logins = (fastest: number, others: number) => ({
      direct: [],
      pooled: Array.from({ length: 50 }, (_, index): [number, number] =>
        index % 5 === 0 ? [fastest, fastest] : [others, others],
      ),
    });
    const noisy = (more: Parameters<typeof measured>[0] = {}) =>
      measured({ single: { measured: single({ login: logins(4, 12), latency }) }, ...more });

    test("logins that miss the limit, and would not undisturbed, were not measured: value and spread are told all the same", () => {
      expect(verdictOn("connection_ms", noisy())).toMatchObject({
        status: "not-measured",
        value: 12,
        spread: { low: 12, high: 12 },
        reason: expect.stringMatching(/^too noisy: .*, 4 ms; .*one in a hundred took 8 ms/),
      });
    });

    test("what even the fastest miss is missed, and what is met is met", () => {
      const slow = noisy({ single: { measured: single({ login: logins(6, 12), latency }) } });
      expect(verdictOn("connection_ms", slow)).toMatchObject({ status: "missed", value: 12 });
      const fast = noisy({ single: { measured: single({ login: logins(3, 4), latency }) } });
      expect(verdictOn("connection_ms", fast)).toMatchObject({ status: "met", value: 4 });
    });

    test("a quiet machine has no such excuse", () => {
      const steady = { ...latency, direct: latency.direct.map(() => 0.1) };
      const of = noisy({ single: { measured: single({ login: logins(4, 12), latency: steady }) } });
      expect(verdictOn("connection_ms", of)).toMatchObject({ status: "missed", value: 12 });
    });

    test("a pool that one moment has opened is not judged, one that is at work is", () => {
      const pool = (busy: number) =>
        samplesOf(
          sample({ at: 0, phase: "single" }),
          ...[1, 2, 3].map((at) => sample({ at, phase: "normal", open: 9, busy })),
        );
      expect(verdictOn("utilisation_percent", noisy({ samples: pool(2) }))).toMatchObject({
        status: "not-measured",
        value: 90,
      });
      expect(verdictOn("utilisation_percent", noisy({ samples: pool(9) }))).toMatchObject({
        status: "missed",
        value: 90,
      });
    });

    test("errors of the crowd are no noise", () => {
      const crowd = load({ clients: 1000, logged_in: 999, served: 999, errors: { full: 1 } });
      expect(verdictOn("clients", noisy({ crowd: { measured: crowd } })).status).toBe("missed");
    });
  });

  test("what nobody demands is told and not judged", () => {
    for (const verdict of judgeRequirements(full, NO_LIMITS))
      expect(verdict.value === null ? "not-measured" : "not-judged").toBe(verdict.status);
  });

  test("every part that is missing gives its reason to those that need it", () => {
    const missing = { reason: "the host was lost" };
    const of = measured({ samples: missing, single: missing, normal: missing, crowd: missing });
    for (const verdict of judgeRequirements(of, LIMITS))
      expect(verdict).toMatchObject({ status: "not-measured", reason: "the host was lost", value: null });
  });

  test("a verdict follows from value and limit alone", () => {
    const figure = fc.double({ min: 0.001, max: 1000, noNaN: true });
    fc.assert(
      fc.property(fc.array(figure, { minLength: 1, maxLength: 40 }), figure, (times, connectionLimit) => {
        const pooled = times.map((time) => [time, time] as [number, number]);
        const latency = { direct: times.map(() => 0), pooled: times };
        const of = measured({ single: { measured: single({ login: { direct: [], pooled }, latency }) } });
        for (const verdict of judgeRequirements(of, {
          ...LIMITS,
          connection_ms: connectionLimit,
          overhead_ms: connectionLimit,
        })) {
          if (verdict.value === null || verdict.limit === null) continue;
          expect(verdict.status).toBe(
            meets(verdict.value, verdict.comparison, verdict.limit) ? "met" : "missed",
          );
          if (verdict.spread !== null) expect(verdict.spread.low).toBeLessThanOrEqual(verdict.spread.high);
        }
      }),
    );
  });

  test("there are seven, and each has a verdict", () => {
    expect(REQUIREMENT_NAMES).toHaveLength(7);
    expect(judgeRequirements(measured(), LIMITS).map(({ name }) => name)).toEqual(REQUIREMENT_NAMES);
  });
});
