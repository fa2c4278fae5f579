import { escaped } from "./escaped.ts";
import { aboutPooler } from "./markdown.ts";
import { type Line, svgPlot } from "./plot.ts";
import type { PoolerReport, Report } from "./report.ts";
import { doubtWords, STATUS_WORDS, spreadWords, valueWords } from "./report-words.ts";
import { limitWords } from "./verdict.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --faint: #d9dee6; --soft: #f3f5f8; --quiet: #5d6878; --good: #1a7f4b; --bad: #c22f2f; --open: #96690a; --pooled: #2463c9; --direct: #d2741b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e9f0; --paper: #14181f; --faint: #343c49; --soft: #1d232d; --quiet: #9aa6b6; --good: #57c98c; --bad: #ff7b72; --open: #e0b354; --pooled: #79aaff; --direct: #f0a35e; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid var(--faint); padding-top: 1.5rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--faint); } th { color: var(--quiet); font-weight: 600; }
.scroll { overflow-x: auto; } .quiet { color: var(--quiet); } .verdict { font-weight: 600; white-space: nowrap; }
.met, .passed { color: var(--good); } .missed, .failed { color: var(--bad); } .not-measured, .not-made, .not-judged { color: var(--open); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; } figure { margin: 0; background: var(--soft); border-radius: .5rem; padding: .5rem; }
svg { width: 100%; height: auto; display: block; font: 11px system-ui, sans-serif; fill: var(--ink); } svg .title { font-size: 13px; font-weight: 600; } svg .tick, svg .label { fill: var(--quiet); }
svg .grid { stroke: var(--faint); } svg polyline { fill: none; stroke-width: 1.8; } svg line.pooled, svg polyline.pooled { stroke: var(--pooled); stroke-width: 1.8; } svg line.direct, svg polyline.direct { stroke: var(--direct); stroke-width: 1.8; }
svg line.limit, svg polyline.limit { stroke: var(--quiet); stroke-dasharray: 5 4; } svg line.good, svg polyline.good { stroke: var(--good); stroke-width: 1.8; } svg line.bad, svg polyline.bad { stroke: var(--bad); stroke-width: 1.8; }
svg .band { fill: var(--faint); opacity: .35; } svg .band-1 { opacity: .15; }
`;

/** The report as one page that needs no network: styles and plots are in it, there is no script. */
export function htmlReport(report: Report): string {
  const verdict = report.accepted
    ? '<p class="verdict met">Accepted</p>'
    : `<p class="verdict missed">Not accepted</p><ul>${report.problems.map((problem) => `<li>${escaped(problem)}</li>`).join("")}</ul>`;
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/><title>Acceptance of PgBouncer</title><style>${STYLE}</style></head>
<body>
<h1>Acceptance of PgBouncer</h1>
<p class="quiet">${escaped(report.finished)}</p>
${verdict}
${report.poolers.map(poolerSection).join("\n")}
</body>
</html>
`;
}

function poolerSection(pooler: PoolerReport): string {
  const requirements = pooler.requirements.map((verdict) => [
    escaped(verdict.title),
    `<span class="verdict ${verdict.status}">${STATUS_WORDS[verdict.status]}</span>${doubtWords(verdict) === "" ? "" : `<br/><span class="quiet">${doubtWords(verdict)}</span>`}`,
    escaped(valueWords(verdict)),
    escaped(limitWords(verdict)),
    escaped(spreadWords(verdict)),
    verdict.count === 0 ? "" : String(verdict.count),
  ]);
  const tests = pooler.tests.map((test) => [
    escaped(test.title),
    `<span class="verdict ${test.status}">${STATUS_WORDS[test.status]}</span>`,
    escaped(test.observed),
    `${escaped(test.expected)}<br/><span class="quiet">${escaped(test.why)}</span>`,
    escaped(test.detail),
  ]);
  const methods = pooler.requirements.map(
    ({ title, method, details, reason }) =>
      `<li><strong>${escaped(title)}.</strong> ${escaped(method)}<ul>${[...details, ...(reason === null ? [] : [`not measured: ${reason}`])].map((detail) => `<li>${escaped(detail)}</li>`).join("")}</ul></li>`,
  );
  return `<section>
<h2>${escaped(pooler.name)}</h2>
<p>${escaped(aboutPooler(pooler))}</p>
${table(["Requirement", "Verdict", "Value", "Required", "Spread", "From"], requirements)}
<div class="plots">${plotsOf(pooler)
    .map((svg) => `<figure>${svg}</figure>`)
    .join("")}</div>
${table(["Test", "Verdict", "Seen", "Expected", "What happened"], tests)}
<h3>What was not measured</h3>
<ul>${pooler.notMeasured.map((sentence) => `<li>${escaped(sentence)}</li>`).join("")}</ul>
<h3>How it was measured</h3>
<ul>${methods.join("")}</ul>
</section>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: "th" | "td", row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${cells("th", head)}</thead><tbody>${rows.map((row) => cells("td", row)).join("")}</tbody></table></div>`;
}

function plotsOf({ series, requirements }: PoolerReport): string[] {
  const share = (name: "direct" | "pooled", percentile: readonly number[]): Line => ({
    name,
    kind: name,
    points: percentile.map((value, percent) => [value, percent]),
  });
  const limitOf = (name: string): number | null =>
    requirements.find((verdict) => verdict.name === name)?.limit ?? null;
  const times = series.pool.map(({ at }) => at);
  const level = (limit: number | null): Line => ({
    name: "limit",
    kind: "limit",
    points:
      limit === null || times.length === 0
        ? []
        : [
            [Math.min(...times), limit],
            [Math.max(...times), limit],
          ],
  });
  const bands = phasesOf(series.pool);
  const seconds = { label: "seconds", scale: "linear" } as const;
  const loginLimit = limitOf("connection_ms");
  return [
    svgPlot({
      title: "Login: share done within a time",
      x: { label: "milliseconds", scale: "logarithmic" },
      y: { label: "% of logins", most: 100 },
      lines: [
        share("direct", series.loginMs.direct),
        share("pooled", series.loginMs.pooled),
        {
          name: "limit",
          kind: "limit",
          points:
            loginLimit === null || series.loginMs.pooled.length === 0
              ? []
              : [
                  [loginLimit, 0],
                  [loginLimit, 100],
                ],
        },
      ],
    }),
    svgPlot({
      title: "Query: share answered within a time",
      x: { label: "milliseconds", scale: "logarithmic" },
      y: { label: "% of queries", most: 100 },
      lines: [share("direct", series.latencyMs.direct), share("pooled", series.latencyMs.pooled)],
    }),
    svgPlot({
      title: "Pool: how much of it is open",
      x: seconds,
      y: { label: "% of the pool's size" },
      bands,
      lines: [
        { name: "open", kind: "pooled", points: series.pool.map(({ at, openPercent }) => [at, openPercent]) },
        level(limitOf("utilisation_percent")),
      ],
    }),
    svgPlot({
      title: "Clients and server connections",
      x: seconds,
      y: { label: "connections" },
      bands,
      lines: [
        { name: "clients", kind: "pooled", points: series.pool.map(({ at, clients }) => [at, clients]) },
        {
          name: "to PostgreSQL",
          kind: "direct",
          points: series.pool.map(({ at, servers }) => [at, servers]),
        },
        { name: "waiting", kind: "bad", points: series.pool.map(({ at, waiting }) => [at, waiting]) },
      ],
    }),
    svgPlot({
      title: "Restart under load",
      x: seconds,
      y: { label: "in a tenth of a second" },
      lines: [
        { name: "answers", kind: "good", points: series.restart.map(({ at, answers }) => [at, answers]) },
        { name: "errors", kind: "bad", points: series.restart.map(({ at, errors }) => [at, errors]) },
      ],
    }),
  ];
}

/** Where a phase begins and ends; what has no name is none. */
function phasesOf(pool: PoolerReport["series"]["pool"]): { name: string; from: number; to: number }[] {
  const phases: { name: string; from: number; to: number }[] = [];
  for (const { at, phase } of pool) {
    const last = phases.at(-1);
    if (last?.name === phase) last.to = at;
    else phases.push({ name: phase, from: at, to: at });
  }
  return phases.filter(({ name }) => name !== "");
}
