import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("every difference from Ansible names the test that proves it, and that test is there", () => {
  const rows = readFileSync("docs/differences.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([, what = ""]) => what !== "What" && !/^-+$/.test(what));
  expect(rows.length).toBeGreaterThan(60);
  for (const row of rows) {
    const proofs = [...(row.at(-2) ?? "").matchAll(/`(test\/[^`]+)`/g)].map(([, file = ""]) => file);
    expect([row[1], proofs.length > 0 && proofs.every((file) => existsSync(file))]).toEqual([row[1], true]);
  }
});
