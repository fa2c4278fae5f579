import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

/** Every file that loads with this one: what it imports at once, not what it asks for later. */
function loadedWith(file: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, clause = "", target = ""] of text.matchAll(
    /^(?:import|export)\s([^;]*?)from "(\.[^"]+)";/gm,
  )) {
    if (!clause.trimStart().startsWith("type ")) loadedWith(path.resolve(path.dirname(file), target), seen);
  }
  return seen;
}

test("a run loads nothing of lint or of schemas", () => {
  const loaded = [...loadedWith(path.resolve("src/cli/run.ts"))].map((file) => path.relative("src", file));
  expect(loaded).toContain("playbook/load-play.ts");
  expect(
    loaded.filter((file) => /^(lint|schema)\//.test(file) || file === "variables/free-variables.ts"),
  ).toEqual([]);
});

test("asking for help loads none of the commands", () => {
  const loaded = [...loadedWith(path.resolve("src/main.ts"))].map((file) => path.relative("src", file));
  // What main.ts needs to define its commands, and what loads nothing itself.
  const small = new Set([
    "main.ts",
    "cli/command-in-use.ts",
    "cli/help-output.ts",
    "cli/record-option.ts",
    "cli/repeatable.ts",
    "cli/version.ts",
  ]);
  expect(loaded.filter((file) => !file.startsWith("cli/define-") && !small.has(file))).toEqual([]);
});
