import { readFileSync } from "node:fs";
import Ajv04 from "ajv-draft-04";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../src/lint/rule.ts";
import { rules } from "../../src/lint/rules/catalogue.ts";
import { type FindingFormat, findingsText } from "../../src/views/findings.ts";

const FINDINGS: readonly Finding[] = [
  {
    rule: "unknown-key",
    severity: "error",
    message: "a task has no keyword `whn`: 100%",
    at: { file: "roles/a b/tasks/main.yml", line: 3, column: 5, endLine: 3, endColumn: 8 },
    hint: "did you mean `when`?",
  },
  {
    rule: "plain-secret",
    severity: "warning",
    message: "`password` stands here in plain text",
    at: { file: "test/views/findings.test.ts", line: 1, column: 1 },
    isSecret: true,
  },
  {
    rule: "not-followed",
    severity: "note",
    message: "lint could not follow this",
    at: { file: "no.yml", line: 2, column: 1 },
  },
];

const text = (format: FindingFormat, findings = FINDINGS): string =>
  findingsText(findings, { format, colour: false, rules, version: "1.2.3" });

describe("findings", () => {
  test("for a person have a place, a hint and a count, and do not show the line of a secret", () => {
    expect(text("pretty")).toBe(
      "roles/a b/tasks/main.yml:3:5: error: a task has no keyword `whn`: 100% [unknown-key]\n" +
        "  did you mean `when`?\n" +
        "test/views/findings.test.ts:1:1: warning: `password` stands here in plain text [plain-secret]\n" +
        "no.yml:2:1: note: lint could not follow this [not-followed]\n" +
        "\n1 error, 1 warning, 1 note\n",
    );
    expect(text("pretty", [])).toBe("Nothing was found.\n");
  });

  test("as JSON are what they are", () => {
    expect(JSON.parse(text("json"))).toEqual({ findings: FINDINGS });
  });

  test("for GitHub are workflow commands, with what they would take apart escaped", () => {
    expect(text("github")).toBe(
      "::error file=roles/a b/tasks/main.yml,line=3,col=5,endLine=3,title=unknown-key::a task has no keyword `whn`: 100%25 (did you mean `when`?)\n" +
        "::warning file=test/views/findings.test.ts,line=1,col=1,title=plain-secret::`password` stands here in plain text\n" +
        "::notice file=no.yml,line=2,col=1,title=not-followed::lint could not follow this\n",
    );
    const task = { rule: "unnamed", severity: "warning", message: "no name" } as const;
    const at = { file: "a.yml", line: 3, column: 7, endLine: 5 };
    const ends = [1, 4].map((endColumn) => ({ ...task, at: { ...at, endColumn } }));
    expect(text("github", ends)).toMatch(/^\S+ \S+,endLine=4,.*\n\S+ \S+,endLine=5,/);
  });

  test("as SARIF 2.1.0 have a rule for each result, and places that code scanners take", () => {
    const log = JSON.parse(text("sarif"));
    expect(log.version).toBe("2.1.0");
    const [run] = log.runs;
    const ids: string[] = run.tool.driver.rules.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining([...rules.map(({ name }) => name), "unknown-key"]));
    for (const result of run.results) {
      expect(ids[result.ruleIndex]).toBe(result.ruleId);
      expect(["error", "warning", "note"]).toContain(result.level);
      expect(result.message.text).not.toBe("");
    }
    expect(run.results[0].locations).toEqual([
      {
        physicalLocation: {
          artifactLocation: { uri: "roles/a%20b/tasks/main.yml" },
          region: { startLine: 3, startColumn: 5, endLine: 3, endColumn: 8 },
        },
      },
    ]);
  });

  test("as SARIF are valid by the schema of SARIF 2.1.0, and the schema does say no", () => {
    const schema = JSON.parse(readFileSync("test/cases/sarif/sarif-2.1.0.schema.json", "utf8"));
    const isUri = (value: string): boolean => URL.canParse(value);
    const isReference = (value: string): boolean => URL.canParse(value, "file:///");
    const validate = new Ajv04.default({
      strict: false,
      unicodeRegExp: false,
      formats: { uri: isUri, "uri-reference": isReference, "date-time": true },
    }).compile(schema);
    const elsewhere = FINDINGS.map((finding) => ({
      ...finding,
      at: { file: "/etc/a b.yml", line: 1, column: 1 },
    }));
    for (const findings of [FINDINGS, elsewhere, []]) {
      validate(JSON.parse(text("sarif", findings)));
      expect(validate.errors).toBeNull();
    }
    const log = JSON.parse(text("sarif"));
    log.runs[0].results[0].locations[0].physicalLocation.region.startLine = 0;
    expect(validate(log)).toBe(false);
    expect(validate({ ...log, version: "2.0.0" })).toBe(false);
  });
});
