import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quote, rawShell, sh } from "../../src/shell/shell-text.ts";

/** Any text hardly ever has in it what a shell takes for something else: half of the words are made of that. */
const word = fc
  .oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."'\"\\$`*?[]{}()<>|&;~!#=- \t\na") }),
  )
  .map((text) => text.replaceAll("\0", "").toWellFormed());

describe("quote", () => {
  test.each([
    ["dash", ["-c"]],
    ["bash", ["-c"]],
    ["busybox", ["sh", "-c"]],
  ] as const)("every word comes back whole from %s", (shell, args) => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        const script = `printf '%s\\0' ${words.map(quote).join(" ")}`;
        const said = execFileSync(shell, [...args, script]).toString();
        expect(said).toBe(words.map((one) => `${one}\0`).join(""));
      }),
      { numRuns: 60 },
    );
  });

  test("a NUL character is refused, because no shell word can hold one", () => {
    expect(() => quote("a\0b")).toThrow("NUL");
  });
});

describe("sh", () => {
  test("quotes values, spreads lists and takes shell text as it is", () => {
    expect(sh`cp -- ${"my file"} ${["a", "b c"]} ${rawShell("| cat")} ${3}`.shell).toBe(
      "cp -- 'my file' a 'b c' | cat 3",
    );
  });
});
