import fc from "fast-check";
import { expect, test } from "vitest";
import { safeText } from "../../src/views/safe-text.ts";

test("nothing that a host says moves the cursor, rings, recolours, renames the window or turns the direction of writing", () => {
  expect(safeText("\u001b]0;owned\u0007\u001b[2J\u009b31m\rok\b\u202etxt.exe")).toBe(
    "\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u000dok\\u0008\\u202etxt.exe",
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.boolean(), (text, newlines) => {
      const shown = safeText(text, { newlines }).replaceAll(newlines ? "\n" : "\0", "");
      expect(shown).not.toMatch(/[^\P{Cc}\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});
