import fc from "fast-check";
import { expect, test } from "vitest";
import { AttemptFailure } from "../../../packages/client/src/attempt.ts";
import { type Circuit, openCircuit } from "../../../packages/client/src/circuit.ts";
import { DatabaseError } from "../../../packages/client/src/errors.ts";
import { failureOf, type Stage } from "../../../packages/client/src/failure.ts";
import { Recorder } from "../../../packages/client/src/metrics.ts";
import { pauseAfter } from "../../../packages/client/src/retry.ts";
import { callTries } from "../../../packages/client/src/tries.ts";

const POLICY = { maxAttempts: 4, baseDelayMs: 1, maxDelayMs: 2 };
const lostAt = (stage: Stage): AttemptFailure => {
  const error = new Error("Connection terminated unexpectedly");
  return new AttemptFailure(failureOf(error, stage), error);
};
const closed: Circuit = { through: (attempt) => attempt(), state: () => "closed" };

/** Fails so often with this and then works. */
async function failing(
  times: number,
  error: Error,
  options: { idempotent?: boolean; deadlineMs?: number; circuit?: Circuit } = {},
) {
  const recorder = new Recorder();
  let calls = 0;
  const result = await callTries(
    { retry: POLICY, attemptTimeoutMs: 1000 },
    options.circuit ?? closed,
    recorder,
  )(
    "query",
    { idempotent: options.idempotent ?? false, deadlineMs: options.deadlineMs ?? 5000 },
    async () => {
      calls += 1;
      if (calls <= times) throw error;
      return "done";
    },
  ).catch((thrown: unknown) => thrown);
  return { result, calls, recorder };
}

test("what was not done is tried again until it works", async () => {
  const { result, calls, recorder } = await failing(3, lostAt("transaction"));
  expect(result).toBe("done");
  expect(calls).toBe(4);
  expect(recorder.retries).toEqual({ lost: 3 });
  expect(recorder.calls.query).toEqual({ ok: 1 });
});

test("what may have been done is tried again only where that does no harm", async () => {
  const once = await failing(1, lostAt("autocommit"));
  expect(once.calls).toBe(1);
  expect(once.result).toMatchObject({ reason: "refused", outcome: "unknown", attempts: 1 });
  expect((await failing(1, lostAt("autocommit"), { idempotent: true })).result).toBe("done");
});

test("tries end with their number, and with the time", async () => {
  const many = await failing(9, lostAt("connecting"));
  expect(many.calls).toBe(4);
  expect(many.result).toMatchObject({ reason: "attempts", attempts: 4 });
  expect((await failing(9, lostAt("connecting"), { deadlineMs: 1 })).result).toMatchObject({
    reason: "deadline",
  });
});

test("an error of the application comes through as it is", async () => {
  const own = new Error("no such account");
  const { result, calls } = await failing(1, own);
  expect(result).toBe(own);
  expect(calls).toBe(1);
});

test("an open circuit refuses new calls without a try, and closes when a try works again", async () => {
  let opened = 0;
  const circuit = openCircuit(
    { threshold: 0.5, windowMs: 1000, minimumPerSecond: 1, patienceMs: 0, openMs: 50 },
    (error) => error instanceof AttemptFailure,
    () => {
      opened += 1;
    },
  );
  for (let times = 0; times < 3; times++) await failing(9, lostAt("connecting"), { circuit });
  expect(opened).toBe(1);
  const refused = await failing(0, lostAt("connecting"), { circuit });
  expect(refused.calls).toBe(0);
  expect(refused.result).toBeInstanceOf(DatabaseError);
  expect(refused.result).toMatchObject({ reason: "circuit-open", outcome: "not-sent" });
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect((await failing(0, lostAt("connecting"), { circuit })).result).toBe("done");
  expect(circuit.state()).toBe("closed");
});

test("a circuit has patience with somebody who is away for a moment", async () => {
  const policy = { threshold: 0.5, windowMs: 1000, minimumPerSecond: 1, patienceMs: 60_000, openMs: 50 };
  const circuit = openCircuit(
    policy,
    (error) => error instanceof AttemptFailure,
    () => undefined,
  );
  for (let times = 0; times < 5; times++) await failing(9, lostAt("connecting"), { circuit });
  expect(circuit.state()).toBe("closed");
});

test("pauses lie between nothing and a limit that doubles up to the longest", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, random) => {
        const policy = { maxAttempts: 9, baseDelayMs: 50, maxDelayMs: 2000 };
        const pause = pauseAfter(attempt, policy, () => random);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThanOrEqual(Math.min(2000, 50 * 2 ** (attempt - 1)));
      },
    ),
  );
});
