import type { PoolerReport, Report } from "./report.ts";
import { doubtWords, STATUS_WORDS, spreadWords, valueWords } from "./report-words.ts";
import { limitWords } from "./verdict.ts";

/** The report for people who read text: verdicts first, then how each figure came about and what was not measured. */
export function markdownReport(report: Report): string {
  const lines = [
    "# Acceptance of PgBouncer",
    "",
    `${report.finished}: **${report.accepted ? "accepted" : "not accepted"}**`,
    "",
    ...(report.problems.length === 0 ? [] : [...report.problems.map((problem) => `- ${cell(problem)}`), ""]),
    ...report.poolers.flatMap(poolerLines),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function poolerLines(pooler: PoolerReport): string[] {
  return [
    `## ${cell(pooler.name)}`,
    "",
    cell(aboutPooler(pooler)),
    "",
    ...table(
      ["Requirement", "Verdict", "Value", "Required", "Spread", "From"],
      pooler.requirements.map((verdict) => [
        verdict.title,
        [STATUS_WORDS[verdict.status], doubtWords(verdict)].filter(Boolean).join(", "),
        valueWords(verdict),
        limitWords(verdict),
        spreadWords(verdict),
        verdict.count === 0 ? "" : String(verdict.count),
      ]),
    ),
    ...table(
      ["Test", "Verdict", "Seen", "Expected", "What happened"],
      pooler.tests.map((test) => [
        test.title,
        STATUS_WORDS[test.status],
        test.observed,
        `${test.expected}: ${test.why}`,
        test.detail,
      ]),
    ),
    "### What was not measured",
    "",
    ...pooler.notMeasured.map((sentence) => `- ${cell(sentence)}`),
    "",
    "### How it was measured",
    "",
    ...pooler.requirements.flatMap(({ title, method, details, reason }) => [
      `- **${cell(title)}.** ${cell(method)}`,
      ...[...details, ...(reason === null ? [] : [`not measured: ${reason}`])].map(
        (detail) => `  - ${cell(detail)}`,
      ),
    ]),
    "",
  ];
}

/** Where the clients were, and whom they asked. */
export function aboutPooler({
  version,
  serverVersion,
  poolMode,
  client,
  database,
  user,
}: PoolerReport): string {
  const pooler = version === "" ? "PgBouncer did not answer" : `PgBouncer ${version}, ${poolMode} mode`;
  const server = serverVersion === "" ? "" : `, in front of PostgreSQL ${serverVersion}`;
  return `${pooler}${server}. Clients on ${client}, database ${database}, user ${user}.`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""];
}

/** What came from a host must neither end a table's cell nor become markup, nor be obeyed by a terminal that shows the file. */
function cell(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replace(/[\\`*_|<>[\]]/g, "\\$&");
}
