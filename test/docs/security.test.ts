import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const rows = readFileSync("docs/security.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("|") && !/^\| -+/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

/** Each line of a table, with the tests that it names. */
const lines = rows.filter(
  ([, first = "", , proof]) => !["threat", "CVE"].includes(first) && proof !== undefined,
);

test.each([
  ["threat", 4, 34],
  ["weakness of Ansible's", 5, 18],
])("each %s names tests that prove what is done about it, and they are there", (_, columns, least) => {
  const table = lines.filter((row) => row.length === columns + 1);
  expect(table.length).toBeGreaterThanOrEqual(least);
  for (const row of table) {
    const [, threat = ""] = row;
    const proof = row[columns - 1] ?? "";
    const named = [...proof.matchAll(/`(test\/[^`]+)`: "([^"]+)"/g)];
    const missing = named.filter(
      ([, file = "", title = ""]) => !existsSync(file) || !readFileSync(file, "utf8").includes(title),
    );
    expect([threat, named.length > 0, missing.map(([whole]) => whole)]).toEqual([threat, true, []]);
  }
});
