import { beforeAll, describe, expect, test } from "vitest";
import { describeFromKnownState } from "../../hosts/known-state.ts";

// Failures on purpose: test/failed-tests.test.ts reads what is said of them.
test("lists are the same", () => expect(["pool1 failed"]).toEqual([]));
test("nothing is wrong", () => undefined);
describe("a group", () => {
  beforeAll(() => {
    throw new Error("not prepared\nin many lines");
  });
  test("is not tried", () => undefined);
});

let count = 0;
const bring = async (): Promise<void> => {
  count += 1;
};
describeFromKnownState("behind a failure", () => test("once", () => expect(count).toBe(1)), bring);
describeFromKnownState("behind that", () => test("not again", () => expect(count).toBe(1)), bring);
describeFromKnownState("failing itself", () => test("fails", () => expect(count).toBe(0)), bring);
describeFromKnownState("behind it", () => test("again", () => expect(count).toBe(2)), bring);
const notThere = (): boolean => false;
describeFromKnownState("nothing there", () => test("made", () => expect(count).toBe(3)), bring, notThere);
