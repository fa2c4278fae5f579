import { describe, expect, test } from "vitest";
import { isWrittenSince } from "../../src/queries/written-since.ts";

const YEAR = 365 * 86_400;
/** Booted at 1,000,000 by the clock of then, and it is a day later; the process was started an hour after that. */
const CALM = { now: 1_086_400, up: 86_400, upThen: 3_600, clockThen: 1_003_600 };
/** The clock was set so many seconds further since the process was started. */
const setBy = (seconds: number) => ({ ...CALM, now: CALM.now + seconds });

describe("whether a file was written since a process was started", () => {
  test("is told to parts of a second where the clock goes as it should", () => {
    expect(isWrittenSince(CALM, 1_003_599.9)).toBe(false);
    expect(isWrittenSince(CALM, 1_003_600.1)).toBe(true);
    expect(isWrittenSince({ ...CALM, upThen: 3_600.8 }, 1_003_600.7)).toBe(false);
  });

  test.each([YEAR, -YEAR, 60, -60])("is told where the clock was set by %i s after that", (seconds) => {
    const start = setBy(seconds);
    // Just after the start, before the clock was set; and after it.
    expect(isWrittenSince(start, 1_003_601)).toBe(true);
    expect(isWrittenSince(start, start.now - 1)).toBe(true);
    // As old as the host's installation.
    expect(isWrittenSince(start, 1_003_600 - 2 * YEAR)).toBe(false);
  });

  test("a clock that was set forward since makes no file newer that was there before", () =>
    expect(isWrittenSince(setBy(YEAR), 1_003_599)).toBe(false));

  test("a file of a time to come, written before the clock was set back and the process started, is not newer for ever", () =>
    expect(isWrittenSince(CALM, CALM.now + YEAR)).toBe(false));
});
