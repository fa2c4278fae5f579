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
