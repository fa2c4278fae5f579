import { expect, test } from "vitest";
import { wholeNumber } from "../../src/cli/read-input.ts";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";

test.each(["1", "600", "2000000"])("%s is taken", (text) => {
  expect(wholeNumber("--for", text)).toBe(Number(text));
});

test.each([
  ["0", "above 0"],
  ["-3", "above 0"],
  ["1.5", "above 0"],
  ["five", "above 0"],
  ["", "above 0"],
  // In milliseconds more than a timer of Node.js can be set to: it would be over at once.
  ["2147484", "up to 2000000"],
])("'%s' is refused, and it is said what can be", (text, what) => {
  const refused = expect(() => wholeNumber("--for", text));
  refused.toThrow(DiagnosticsError);
  refused.toThrow(`--for ${text}: this is no whole number ${what}`);
});
