import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { NO_LIMIT_MS, TimeLimitPassed, withinLimit } from "../../src/converge/time-limit.ts";

test("what ends in time gives its result", async () => {
  expect(await withinLimit(NO_LIMIT_MS, async () => "done")).toBe("done");
});

test("what does not is given up, and told so", async () => {
  let aborted = false;
  const hanging = withinLimit(
    20,
    ({ signal }) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise<never>(() => undefined);
    },
    10,
  );
  await expect(hanging).rejects.toBeInstanceOf(TimeLimitPassed);
  expect(aborted).toBe(true);
});

test("its own failure is its own", async () => {
  await expect(withinLimit(1000, () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
});

test("waiting for others takes none of the time", async () => {
  const result = await withinLimit(500, async ({ hold }) => {
    await hold(() => wait(700));
    return "done";
  });
  expect(result).toBe("done");
});

test("after the wait the clock goes on", async () => {
  const late = withinLimit(
    100,
    async ({ hold }) => {
      await hold(() => wait(50));
      await wait(5000);
    },
    10,
  );
  await expect(late).rejects.toBeInstanceOf(TimeLimitPassed);
});

test("how much of the time is left is known while the clock goes, and while it stands", async () => {
  const limitMs = 60_000;
  await withinLimit(limitMs, async (clock) => {
    const first = clock.leftMs();
    expect(first).toBeLessThanOrEqual(limitMs);
    await wait(20);
    const second = clock.leftMs();
    expect(second).toBeLessThan(first);
    await clock.hold(async () => {
      const standing = clock.leftMs();
      await wait(20);
      expect(clock.leftMs()).toBe(standing);
    });
    expect(clock.leftMs()).toBeLessThan(second);
  });
});
