import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { severityRules } from "../../src/cli/severity-rules.ts";
import type { TaskFinished } from "../../src/converge/event.ts";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { driftOf } from "../../src/drift/drift.ts";
import { severityOf } from "../../src/drift/severity.ts";
import { taskHistory } from "../../src/drift/task-history.ts";
import { moduleNames } from "../../src/modules/catalogue.ts";
import type { Plan, PlannedTask } from "../../src/plans/plan.ts";
import { recordHead } from "../../src/records/record-head.ts";
import { openRunRecord } from "../../src/records/run-record.ts";
import { driftText } from "../../src/views/drift.ts";

const planned = (
  title: string,
  status: PlannedTask["status"],
  more: Partial<PlannedTask> = {},
): PlannedTask => ({
  taskId: title,
  pass: "#1",
  title,
  module: "copy",
  handler: false,
  at: "site.yml:1:1",
  status,
  message: 'a <message> | with "marks"',
  differences: [],
  ...more,
});
const planOf = (tasks: PlannedTask[]): Plan => ({
  type: "plumb-plan",
  schema: 1,
  planId: "p",
  time: "2026-11-25T12:00:00.000Z",
  who: "me",
  versions: { plumb: "1", node: "24" },
  salt: "s",
  playbooks: ["site.yml"],
  options: {},
  inputs: {},
  hosts: { one: { outcome: "ok", tasks }, away: { outcome: "unreachable", tasks: [] } },
});
const never = { since: () => ({}) };
const plain = (_colour: unknown, text: string): string => text;

test.each<[string, Partial<PlannedTask>]>([
  ["high", { module: "user" }],
  ["high", { status: "failed" }],
  ["high", { differences: [{ kind: "field", name: "mode" }] }],
  ["high", { differences: [{ kind: "text", name: "/x", secret: true }] }],
  [
    "high",
    { differences: [{ kind: "text", name: "/x", before: "a\n******** (before)\n", after: "a\n********\n" }] },
  ],
  ["high", { differences: [{ kind: "field", name: "key", before: "none", after: "********" }] }],
  [
    "medium",
    { differences: [{ kind: "text", name: "/x", before: "a\n********\n", after: "b\n********\n" }] },
  ],
  ["medium", { differences: [{ kind: "text", name: "mode" }] }],
  ["medium", { module: "package" }],
])("drift is %s for %j", (severity, task) => {
  expect(severityOf(planned("a", "would-change", task))).toBe(severity);
});

test("the modules whose drift is high are those that the documentation names", () => {
  const [, listed = ""] =
    /who may do what, or who gets in \(([^)]*)\)/.exec(readFileSync("docs/drift.md", "utf8")) ?? [];
  const guards = moduleNames().filter(
    (module) => severityOf(planned("a", "would-change", { module })) === "high",
  );
  expect([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(guards);
});

test("handlers and what is in order are no drift; the worst stands first", () => {
  const { items, hosts } = driftOf(
    planOf([
      planned("a", "would-change"),
      planned("b", "ok"),
      planned("h", "would-change", { handler: true }),
      planned("u", "would-change", { module: "user" }),
    ]),
    never,
  );
  expect(items.map(({ task }) => task)).toEqual(["u", "a"]);
  expect(hosts[0]).toMatchObject({ ok: 1, drift: 2, unknown: 0 });
});

test("unknown, and a host that is away, are never told as no drift", () => {
  const told = (tasks: PlannedTask[]): string => driftText(driftOf(planOf(tasks), never), "pretty", plain);
  expect(told([planned("a", "unknown")])).toContain("1 unknown: only a run would tell; 1 host not reached");
  // `ignore_errors` and `rescue` are about what a run does then.
  expect(told([planned("a", "ignored"), planned("b", "rescued")])).toContain("2 unknown");
  expect(told([])).not.toContain("no drift");
  expect(driftText(driftOf(planOf([]), never), "junit", plain)).toContain('errors="1"');
  expect(driftText(driftOf(planOf([]), never), "prometheus", plain)).toContain(
    'plumb_drift_host_checked{host="away"} 0',
  );
});

test("marks in what hosts say break neither a table, nor XML, nor a metric", () => {
  const report = driftOf(planOf([planned("a", "would-change")]), never);
  expect(driftText(report, "markdown", plain)).toContain("a &lt;message> \\| with");
  expect(driftText(report, "junit", plain)).toContain("a &lt;message&gt; | with &quot;marks&quot;");
});

test("drift is dated by the last run that saw it in order and the first check after it that did not", () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), "plumb-drift-")), "runs");
  const statuses: TaskFinished["status"][] = [
    "would-change",
    "changed",
    "ok",
    "would-change",
    "would-change",
  ];
  statuses.forEach((status, day) => {
    const runId = `2026110${day + 1}T000000-abcdef`;
    const head = { ...recordHead({ runId, checkMode: true, version: "1", secrets: new Secrets() }) };
    const record = openRunRecord(folder, head, (reason) => {
      throw new Error(reason);
    });
    record.write({
      type: "task-finished",
      time: `day ${day + 1}`,
      host: "one",
      task: {
        taskId: "other",
        name: "a",
        module: "copy",
        handler: false,
        at: { file: "f", line: 1, column: 1 },
      },
      status,
      message: "",
      differences: [],
      data: null,
      durationMs: 1,
      notified: [],
      attempts: 1,
    });
    record.close();
  });
  const history = taskHistory(folder);
  expect(history.since("one", planned("a", "would-change"))).toEqual({
    lastTrue: "day 3",
    firstSeen: "day 4",
  });
  expect(history.since("two", planned("a", "would-change"))).toEqual({});
  expect(history.since("one", planned("a", "would-change"))).toEqual({
    lastTrue: "day 3",
    firstSeen: "day 4",
  });
});

test("what a clock saw in order that was ahead of this one is not said to have been so a negative time ago", () => {
  const lastTrue = new Date(Date.now() + 86_400_000).toISOString();
  const report = driftOf(planOf([planned("a", "would-change")]), { since: () => ({ lastTrue }) });
  expect(driftText(report, "pretty", plain)).toContain(
    `after ${lastTrue} (last true by a clock that was ahead of this one)`,
  );
});

test("how bad something is may be said by module, task, path and pattern; the last word counts", () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "plumb-severity-")), "severity.conf");
  writeFileSync(file, "# ours\n\n/etc/pgbouncer/*=high\nweb : *=low\n");
  const rules = severityRules(["copy=low", "user=medium", `@${file}`]);
  const of = (more: Partial<PlannedTask>): string =>
    severityOf(planned(more.title ?? "a", "would-change", more), rules);
  expect(of({})).toBe("low");
  expect(of({ module: "user" })).toBe("medium");
  expect(of({ differences: [{ kind: "text", name: "/etc/pgbouncer/pgbouncer.ini" }] })).toBe("high");
  expect(of({ title: "web : its page", module: "template" })).toBe("low");
  expect(of({ module: "package" })).toBe("medium");
  const { items } = driftOf(planOf([planned("a", "would-change")]), never, rules);
  expect(items.map(({ severity }) => severity)).toEqual(["low"]);
  for (const wrong of ["copy", "copy=awful", "=high", "@/nowhere"])
    expect(() => severityRules([wrong])).toThrow();
});
