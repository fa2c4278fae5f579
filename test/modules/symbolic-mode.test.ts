import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyFileMode, octalMode } from "../../src/modules/symbolic-mode.ts";
import type { PathState } from "../../src/queries/path-state.ts";
import { fileWith } from "./answers.ts";

const folder = mkdtempSync(path.join(tmpdir(), "plumb-test-"));

const stateOf = (type: "file" | "directory", mode: string): PathState => ({ ...fileWith(""), type, mode });

/** What chmod(1) makes of it, with the umask of a Debian root. */
function byChmod(type: "file" | "directory", before: string, words: string): string {
  const place = path.join(folder, "x");
  rmSync(place, { recursive: true, force: true });
  if (type === "file") writeFileSync(place, "");
  else mkdirSync(place);
  chmodSync(place, Number.parseInt(before, 8));
  try {
    execFileSync("/bin/sh", ["-c", 'umask 022; exec chmod -- "$1" "$2"', "sh", words, place], {
      stdio: "pipe",
    });
  } catch {
    // GNU chmod says with exit 1 that the umask kept some bits as they were; what it did is what counts.
  }
  return (statSync(place).mode & 0o7777).toString(8).padStart(4, "0");
}

const clause = fc
  .tuple(
    fc.constantFrom("u", "g", "o", "a", "ug", "go", "uo", "ugo", ""),
    fc.array(
      fc.tuple(
        fc.constantFrom("+", "-", "="),
        fc.constantFrom("r", "w", "x", "X", "rw", "rx", "rwx", "rX", "s", "t", "", "u", "g", "o"),
      ),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
  )
  .map(([who, actions]) => `${who}${actions.flat().join("")}`);

test("modes in words mean what chmod makes of them, on files and directories of any mode", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("file" as const, "directory" as const),
      fc.integer({ min: 0, max: 0o7777 }).map((bits) => bits.toString(8).padStart(4, "0")),
      fc.array(clause, { minLength: 1, maxLength: 3 }).map((clauses) => clauses.join(",")),
      (type, before, words) => {
        expect(anyFileMode.safeParse(words).success).toBe(true);
        expect(octalMode(words, stateOf(type, before), "0644")).toBe(byChmod(type, before, words));
      },
    ),
    { numRuns: 300 },
  );
});

test.each(["u=rw;g=r", "rw-r--r--", "u=rw,", "644", "x", "u+", "755 "])(
  "%j is taken or refused as it should be",
  (text) => {
    expect(anyFileMode.safeParse(text).success).toBe(["644", "u+"].includes(text));
  },
);

test("something new starts with what it would have without a mode", () => {
  expect(octalMode("g+w", { type: "absent" }, "0644")).toBe("0664");
  expect(octalMode("o=,+X", { type: "absent" }, "0755")).toBe("0751");
  expect(octalMode("0640", { type: "absent" }, "0644")).toBe("0640");
});
