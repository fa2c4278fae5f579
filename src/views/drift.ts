import type { DriftItem, DriftReport } from "../drift/drift.ts";
import { SEVERITIES } from "../drift/severity.ts";
import type { Paint } from "./colour.ts";
import { differenceLines } from "./difference-lines.ts";
import { formatDuration } from "./duration.ts";
import { escapeXml } from "./escape-xml.ts";
import { differenceOf } from "./plan-lines.ts";
import { safeJson, safeText } from "./safe-text.ts";
import { tableLines } from "./table.ts";

export const DRIFT_FORMATS = ["pretty", "json", "junit", "markdown", "prometheus"] as const;
export type DriftFormat = (typeof DRIFT_FORMATS)[number];

/** A report as text, in one of the formats. */
export function driftText(report: DriftReport, format: DriftFormat, paint: Paint): string {
  switch (format) {
    case "json":
      return `${safeJson(report, 2)}\n`;
    case "junit":
      return junit(report);
    case "markdown":
      return markdown(report);
    case "prometheus":
      return prometheus(report);
    case "pretty":
      return `${pretty(report, paint).join("\n")}\n`;
  }
}

function pretty(report: DriftReport, paint: Paint): string[] {
  const lines = report.items.flatMap((item) => {
    const colour = item.status === "unknown" ? "cyan" : item.severity === "high" ? "red" : "yellow";
    const word = item.status === "drift" ? `${item.severity} drift` : item.status;
    return [
      `${paint("bold", safeText(item.host))}  ${paint(colour, word)}  ${safeText(item.task)}: ${safeText(item.message)}`,
      ...(item.status === "drift" ? [`    since ${sinceText(item)}`] : []),
      ...item.differences
        .flatMap((one) => differenceLines(differenceOf(one), paint))
        .map((line) => `    ${line}`),
    ];
  });
  const rows = report.hosts.map(({ host, outcome, ok, drift, unknown, failed }) => [
    safeText(host),
    ...[ok, drift, unknown, failed].map(String),
    outcome === "ok" ? "" : outcome.toUpperCase(),
  ]);
  const table = tableLines(
    [["host", "ok", "drift", "unknown", "failed", ""], ...rows],
    new Set([1, 2, 3, 4]),
  );
  return [...lines, ...(lines.length === 0 ? [] : [""]), ...table, "", verdict(report)];
}

/** Of a host or a task that could not be looked at nobody says that it has no drift. */
function verdict({ items, hosts }: DriftReport): string {
  const count = (status: DriftItem["status"]): number =>
    items.filter((item) => item.status === status).length;
  const [drift, unknown, failed] = [count("drift"), count("unknown"), count("failed")];
  const unseen = hosts.filter(({ outcome }) => outcome === "unreachable").length;
  const parts = [
    drift === 0 ? undefined : `${drift} out of true`,
    unknown === 0 ? undefined : `${unknown} unknown: only a run would tell`,
    failed === 0 ? undefined : `${failed} could not be looked at`,
    unseen === 0 ? undefined : `${unseen} ${unseen === 1 ? "host" : "hosts"} not reached`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "no drift" : parts.join("; ");
}

function sinceText({ lastTrue, firstSeen }: DriftItem): string {
  if (lastTrue === undefined)
    return firstSeen === undefined
      ? "unknown: no record of it"
      : `${safeText(firstSeen)} at the latest: no record has it as wanted`;
  const age = Date.now() - Date.parse(lastTrue);
  const rest = firstSeen === undefined ? "" : `, first seen ${safeText(firstSeen)}`;
  // A clock that was set back has seen it true in what is now to come.
  const ago = age < 0 ? "by a clock that was ahead of this one" : `${formatDuration(age)} ago`;
  return `after ${safeText(lastTrue)} (last true ${ago})${rest}`;
}

function markdown(report: DriftReport): string {
  // A link or a picture in what a host says would lead whoever reads the report to a stranger.
  const cell = (text: string): string =>
    safeText(text)
      .replaceAll("`", "'")
      .replace(/[\\|[\]*~]/g, "\\$&")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;");
  const rows = report.items.map((item) =>
    [
      item.host,
      item.status,
      item.status === "unknown" ? "" : item.severity,
      item.task,
      item.message,
      item.lastTrue ?? (item.status === "drift" ? "unknown" : ""),
    ]
      .map(cell)
      .join(" | "),
  );
  const hosts = report.hosts.map(({ host, outcome, ok, drift, unknown, failed }) =>
    [cell(host), outcome, ok, drift, unknown, failed].join(" | "),
  );
  const table = (head: string[], lines: string[]): string[] => [
    `| ${head.join(" | ")} |`,
    `|${head.map(() => " --- |").join("")}`,
    ...lines.map((line) => `| ${line} |`),
  ];
  return `${[
    `# Drift of ${report.playbooks.map(cell).join(", ")}`,
    "",
    `${report.time}: ${verdict(report)}`,
    "",
    ...table(["host", "outcome", "ok", "drift", "unknown", "failed"], hosts),
    ...(rows.length === 0
      ? []
      : ["", ...table(["host", "status", "severity", "task", "what", "last true"], rows)]),
  ].join("\n")}\n`;
}

/** A suite a host; what can't be known is an error, because it is not known to pass. */
function junit(report: DriftReport): string {
  const suites = report.hosts.map(({ host, outcome, ok }) => {
    const own = report.items.filter((item) => item.host === host);
    const cases = own.map(
      (item) =>
        `    <testcase classname="${escapeXml(host)}" name="${escapeXml(item.task)}">\n      <${item.status === "drift" ? "failure" : "error"} type="${item.status}" message="${escapeXml(item.message)}">${escapeXml(`${item.severity}; last true: ${item.lastTrue ?? "unknown"}; ${item.at}`)}</${item.status === "drift" ? "failure" : "error"}>\n    </testcase>`,
    );
    const passed = ok === 0 ? [] : [`    <testcase classname="${escapeXml(host)}" name="${ok} as wanted"/>`];
    const unseen =
      outcome === "ok" || own.some(({ status }) => status === "failed")
        ? []
        : [
            `    <testcase classname="${escapeXml(host)}" name="the host"><error type="${outcome}" message="${outcome}"/></testcase>`,
          ];
    const all = [...passed, ...cases, ...unseen];
    const failures = own.filter(({ status }) => status === "drift").length;
    return `  <testsuite name="${escapeXml(host)}" tests="${all.length}" failures="${failures}" errors="${own.length - failures + unseen.length}">\n${all.join("\n")}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="drift">\n${suites.join("\n")}\n</testsuites>\n`;
}

/** For the textfile collector of node_exporter (Prometheus' exposition format 0.0.4). */
function prometheus(report: DriftReport): string {
  const label = (text: string): string => safeText(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  const lines = [
    "# HELP plumb_drift_resources Resources of a host by state: ok, drift, unknown (only a run would tell), failed.",
    "# TYPE plumb_drift_resources gauge",
    ...report.hosts.flatMap((host) =>
      (["ok", "drift", "unknown", "failed"] as const).map(
        (state) => `plumb_drift_resources{host="${label(host.host)}",state="${state}"} ${host[state]}`,
      ),
    ),
    "# HELP plumb_drift_severe_resources Resources out of true, by severity.",
    "# TYPE plumb_drift_severe_resources gauge",
    ...report.hosts.flatMap(({ host }) =>
      SEVERITIES.map((severity) => {
        const found = report.items.filter(
          (item) => item.host === host && item.status === "drift" && item.severity === severity,
        );
        return `plumb_drift_severe_resources{host="${label(host)}",severity="${severity}"} ${found.length}`;
      }),
    ),
    "# HELP plumb_drift_host_checked Whether the host could be looked at: 1, or 0 when nothing is known of it.",
    "# TYPE plumb_drift_host_checked gauge",
    ...report.hosts.map(
      ({ host, outcome }) => `plumb_drift_host_checked{host="${label(host)}"} ${outcome === "ok" ? 1 : 0}`,
    ),
    "# HELP plumb_drift_last_check_timestamp_seconds When drift was last looked for.",
    "# TYPE plumb_drift_last_check_timestamp_seconds gauge",
    `plumb_drift_last_check_timestamp_seconds ${Math.floor(Date.parse(report.time) / 1000)}`,
  ];
  return `${lines.join("\n")}\n`;
}
