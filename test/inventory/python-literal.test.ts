import { expect, test } from "vitest";
import { pythonLiteral } from "../../src/inventory/python-literal.ts";

test.each([
  ["0644", undefined],
  ["1,2", [1, 2]],
  ["(1)", 1],
  ["{1: 'a', None: True}", { "1": "a", null: true }],
  ["{1, 2}", [1, 2]],
  ["'a' \"b\"", "ab"],
  ["r'\\n'", "\\n"],
  ["'\\q'", "\\q"],
  ["b'\\xc3\\xa9'", "é"],
  ["f'x'", undefined],
  ["1j", undefined],
  ["1e999", undefined],
  ["{'a'}x", undefined],
  ["[1, 2", undefined],
  ["__import__('os')", undefined],
])("%s is read as Python reads it", (text, value) => {
  expect(pythonLiteral(text)?.value).toEqual(value);
});

test("brackets a thousand deep are text, and no end of the stack", () => {
  expect(pythonLiteral("[".repeat(100_000))).toBeUndefined();
});
