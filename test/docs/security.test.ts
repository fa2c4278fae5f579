import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const text = readFileSync("docs/security.md", "utf8");
const rows = text
  .split("\n")
  .filter((line) => line.startsWith("|") && !/^\| -+/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));
const threats = rows.filter(
  (row) => row.length === 5 && row[1] !== "threat" && !/^(CVE|\d{4}-)/.test(row[1] ?? ""),
);

test("each threat names tests that prove what is done about it, and they are there", () => {
  expect(threats.length).toBeGreaterThan(25);
  for (const [, threat = "", , proof = ""] of threats) {
    const named = [...proof.matchAll(/`(test\/[^`]+)`: "([^"]+)"/g)];
    const missing = named.filter(
      ([, file = "", title = ""]) => !existsSync(file) || !readFileSync(file, "utf8").includes(title),
    );
    expect([threat, named.length > 0, missing.map(([whole]) => whole)]).toEqual([threat, true, []]);
  }
});

test("what is quoted beside a weakness of Ansible's is a test that is named above", () => {
  const titles = [...text.matchAll(/: "([^"]+)"/g)].map(([, title = ""]) => title);
  const weaknesses = rows.filter((row) => /^\d{4}-/.test(row[1] ?? ""));
  expect(weaknesses.length).toBeGreaterThan(15);
  for (const row of weaknesses) {
    for (const [, title = ""] of (row[3] ?? "").matchAll(/"([^"]+)"/g)) {
      const start = title.replace(/ ?…$/, "").replace(/[,:]$/, "");
      expect([title, titles.some((one) => one.startsWith(start))]).toEqual([title, true]);
    }
  }
});
