import path from "node:path";
import { pathToFileURL } from "node:url";
import { renderDiagnostic } from "../diagnostics/render.ts";
import type { Finding, Rule } from "../lint/rule.ts";

export const FINDING_FORMATS = ["pretty", "json", "sarif", "github"] as const;
export type FindingFormat = (typeof FINDING_FORMATS)[number];

export interface FindingsOptions {
  format: FindingFormat;
  colour: boolean;
  /** For SARIF, which says what each rule is. */
  rules: readonly Rule[];
  version: string;
}

/** Findings of lint for a person (pretty), a program (JSON), a code scanner (SARIF 2.1.0) or a GitHub workflow. */
export function findingsText(findings: readonly Finding[], options: FindingsOptions): string {
  switch (options.format) {
    case "pretty":
      return pretty(findings, options);
    case "json":
      return `${JSON.stringify({ findings }, undefined, 2)}\n`;
    case "sarif":
      return `${JSON.stringify(sarif(findings, options), undefined, 2)}\n`;
    case "github":
      return findings.map((finding) => `${githubLine(finding)}\n`).join("");
  }
}

function pretty(findings: readonly Finding[], { colour }: FindingsOptions): string {
  const count = (severity: Finding["severity"]): number =>
    findings.filter((one) => one.severity === severity).length;
  const parts = findings.map(({ rule, isSecret, ...rest }) => {
    const hidden = isSecret === true ? { readLine: () => undefined } : {};
    return `${renderDiagnostic({ ...rest, code: rule }, { colour, ...hidden })}\n`;
  });
  const numbers = (["error", "warning", "note"] as const)
    .filter((severity) => severity !== "note" || count(severity) > 0)
    .map((severity) => `${count(severity)} ${severity}${count(severity) === 1 ? "" : "s"}`);
  return `${parts.join("")}${findings.length === 0 ? "Nothing was found.\n" : `\n${numbers.join(", ")}\n`}`;
}

/** GitHub's workflow commands: `%`, line ends, and in properties `:` and `,` are written as in URLs. */
function githubLine({ severity, rule, message, at, hint }: Finding): string {
  const escaped = (text: string): string =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string): string => escaped(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const last = lastLineOf(at);
  const end = last === undefined ? "" : `,endLine=${last}`;
  const where = `file=${property(at.file)},line=${at.line},col=${at.column}${end}`;
  return `::${severity === "note" ? "notice" : severity} ${where},title=${property(rule)}::${escaped(message + (hint === undefined ? "" : ` (${hint})`))}`;
}

/** What ends before the first letter of a line does not reach into it: GitHub would show the finding below that line, which belongs to the next task. */
function lastLineOf({ line, endLine, endColumn }: Finding["at"]): number | undefined {
  return endLine !== undefined && endLine > line && endColumn === 1 ? endLine - 1 : endLine;
}

function sarif(findings: readonly Finding[], { rules, version }: FindingsOptions): unknown {
  const found = [...new Set(findings.map(({ rule }) => rule))].filter(
    (name) => !rules.some((one) => one.name === name),
  );
  const descriptors = [
    ...rules.map(({ name, summary, why, severity }) => ({
      id: name,
      shortDescription: { text: summary },
      fullDescription: { text: why },
      defaultConfiguration: { level: severity },
    })),
    ...found.map((id) => ({ id, shortDescription: { text: `found while loading: ${id}` } })),
  ];
  const index = new Map(descriptors.map(({ id }, at) => [id, at]));
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "plumb", version, rules: descriptors } },
        columnKind: "utf16CodeUnits",
        results: findings.map(({ rule, severity, message, hint, at }) => ({
          ruleId: rule,
          ruleIndex: index.get(rule) ?? -1,
          level: severity,
          message: { text: hint === undefined ? message : `${message}\n${hint}` },
          locations: [
            { physicalLocation: { artifactLocation: { uri: uriOf(at.file) }, region: regionOf(at) } },
          ],
        })),
      },
    ],
  };
}

function uriOf(file: string): string {
  if (path.isAbsolute(file)) return pathToFileURL(file).href;
  return file.split(path.sep).map(encodeURIComponent).join("/");
}

function regionOf({ line, column, endLine, endColumn }: Finding["at"]): Record<string, number> {
  return {
    startLine: line,
    startColumn: column,
    ...(endLine === undefined ? {} : { endLine }),
    ...(endColumn === undefined ? {} : { endColumn }),
  };
}
