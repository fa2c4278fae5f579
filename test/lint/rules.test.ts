import { describe, expect, test } from "vitest";
import { rules } from "../../src/lint/rules/catalogue.ts";
import { lintFiles } from "./lint-files.ts";

describe("every rule of lint", () => {
  test.each(rules.map((rule) => ({ rule, name: rule.name })))(
    "$name complains of its bad example, and of nothing else",
    async ({ rule }) => {
      const { findings } = await lintFiles(rule.bad);
      expect(findings.map((finding) => finding.rule)).toEqual([rule.name]);
      expect(findings[0]?.message).not.toBe("");
    },
  );

  test.each(rules.map((rule) => ({ rule, name: rule.name })))(
    "$name finds nothing in its good example, nor does another",
    async ({ rule }) => {
      const { findings } = await lintFiles(rule.good);
      expect(findings).toEqual([]);
    },
  );

  test("has a name of its own, and they stand in order", () => {
    const names = rules.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
  });
});
