import fc from "fast-check";
import { expect, test } from "vitest";
import { lastLines } from "../../src/converge/last-lines.ts";

function told(pieces: readonly string[]): string[] {
  const lines: string[] = [];
  const hear = lastLines((line) => lines.push(line));
  for (const piece of pieces) hear(piece, "stdout");
  return lines;
}

test("a line is told when it is whole, in whatever pieces it arrives: half of a secret is not known for one", () => {
  expect(told(["sword", "fish", " is it\nswo"])).toEqual(["swordfish is it"]);
  expect(told(["10 %\r20 %\r30"])).toEqual(["20 %"]);
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 40 }), { maxLength: 40 }),
      fc.array(fc.nat()),
      (words, cuts) => {
        const text = words.join("\n");
        const places = [...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
        const pieces = places.map((place, index) => text.slice(places[index - 1] ?? 0, place));
        for (const line of told(pieces)) expect(text.split(/[\r\n]+/)).toContain(line);
      },
    ),
  );
});

test("of output without end little is told, and of lines that are too long nothing", () => {
  expect(told(Array(1000).fill("y\n".repeat(10_000))).length).toBeLessThan(100);
  expect(told([...Array(100).fill("x".repeat(10_000)), "\nshort\n"])).toEqual(["short"]);
  expect(told([`${"x".repeat(1_001)}\n`, ...Array(100).fill("x".repeat(10)), "x\n"])).toEqual([]);
  // More than a text can hold.
  expect(told([...Array(600).fill("x".repeat(2 ** 20)), "\nshort\n"])).toEqual(["short"]);
});
