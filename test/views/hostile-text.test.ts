import { describe, expect, test } from "vitest";
import type { Event, TaskFinished, TaskReference } from "../../src/converge/event.ts";
import type { DriftReport } from "../../src/drift/drift.ts";
import type { WhyTaskAnswer } from "../../src/fleet/why-task.ts";
import type { WhyVariable } from "../../src/fleet/why-variable.ts";
import type { Plan } from "../../src/plans/plan.ts";
import type { ReadRecord } from "../../src/records/read-records.ts";
import type { RecordScore } from "../../src/records/record-head.ts";
import type { RecordSummary } from "../../src/records/search-records.ts";
import { DRIFT_FORMATS, driftText } from "../../src/views/drift.ts";
import { jsonView } from "../../src/views/json.ts";
import { junitView } from "../../src/views/junit.ts";
import { plainView } from "../../src/views/plain.ts";
import { movedLines, planLines, scoreLines } from "../../src/views/plan-lines.ts";
import { type HostPoolers, poolerStatusLines } from "../../src/views/pooler-status.ts";
import { recordHeadLines, recordTable } from "../../src/views/records.ts";
import { whyTaskLines, whyVariableLines } from "../../src/views/why-lines.ts";

const HOSTILE = "\u001b]0;owned\u0007\u009b2J\u007f\u202e\u200f\ufffe";
/** All that a terminal would obey, but tabs and ends of lines. */
const CONTROLS = /[^\P{Cc}\n\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const paint = (_colour: unknown, text: string): string => text;

/** Words of ours that say what something is: no host chooses them. */
const OURS = new Set([
  "type",
  "status",
  "outcome",
  "kind",
  "severity",
  "time",
  "reason",
  "holds",
  "lastTrue",
]);

/** The same with something hostile in each text, and in each name but ours. */
function hostile<Type>(value: Type, key = ""): Type {
  if (typeof value === "string") return (OURS.has(key) ? value : `${value}${HOSTILE}`) as Type;
  if (Array.isArray(value)) return value.map((one) => hostile(one, key)) as Type;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, hostile(one, name)])) as Type;
}

const time = "2026-01-01T00:00:00.000Z";
const at = { file: "p.yml", line: 1, column: 1 };
const task: TaskReference = {
  ...{ taskId: "t", name: "a task", module: "copy", role: "role", handler: false, at, delegatedTo: "db1" },
  item: { index: 0, label: "item" },
};
const differences: TaskFinished["differences"] = [
  { kind: "field", name: "mode", before: "a", after: "b" },
  { kind: "field", name: "password", secret: true },
  { kind: "text", name: "/a", before: "a\n", after: "b\n" },
  { kind: "text", name: "/b", secret: true },
  { kind: "text", name: "/c", beforeUnread: true },
];
const finished = (status: TaskFinished["status"], more: Partial<TaskFinished> = {}): TaskFinished => ({
  ...{ type: "task-finished", time, host: "web1", task, status, message: "one\ntwo", hint: "hint" },
  ...{ differences, data: { stdout: "out" }, durationMs: 1, notified: ["n"], attempts: 1, ...more },
});
const counts = {
  ...{ ok: 1, changed: 0, "would-change": 0, unknown: 0 },
  ...{ failed: 1, rescued: 0, ignored: 0, skipped: 0 },
};
const diagnostics = [
  { severity: "error", code: "wrong-type", message: "m", expected: "e", hint: "h", at },
] as const;

/** A run with something of everything, on so many hosts. */
function eventsOf(hosts: readonly string[]): Event[] {
  const ended = { outcome: "failed", counts, durationMs: 1, pendingHandlers: ["restart"] } as const;
  return [
    {
      type: "run-started",
      time,
      schema: 1,
      runId: "r",
      playbooks: ["p"],
      checkMode: true,
      diffMode: true,
      forks: 1,
    },
    { type: "play-started", time, playId: "p", name: "play", hosts, taskCount: 2 },
    { type: "handlers-started", time, host: "web1", handlers: ["h"], leftOver: ["left"] },
    { type: "warning", time, host: "web1", message: "warning" },
    ...hosts.flatMap((host): Event[] => [
      { type: "task-started", time, host, task, summary: "copy /a" },
      { type: "task-progress", time, host, task, step: "step", line: "line" },
      { type: "host-unreachable", time, host, code: "unreachable", message: "m", hint: "h" },
      finished("failed", { host }),
      finished("failed", { host, diagnostics }),
      finished("ok", { host, task: { ...task, module: "debug" } }),
    ]),
    ...(["would-change", "unknown", "ignored", "rescued", "skipped"] as const).map((one) => finished(one)),
    { type: "stopping", time, reason: "all-failed" },
    { type: "play-finished", time, playId: "p" },
    {
      ...{
        type: "run-finished",
        time,
        runId: "r",
        outcome: "failed",
        durationMs: 1,
        retryFile: "last.retry",
      },
      hosts: hosts.map((host, index) => ({ host, ...ended, pendingHandlers: [`restart${index % 2}`] })),
    },
  ];
}

const planned = { kind: "text", name: "/a", before: "a\n", after: "b\n" } as const;
const plan: Plan = {
  ...{ type: "plumb-plan", schema: 1, planId: "p", time, who: "me", versions: { plumb: "1", node: "24" } },
  ...{ salt: "s", playbooks: ["site.yml"], options: {}, inputs: {} },
  hosts: {
    web1: {
      outcome: "ok",
      tasks: (["would-change", "unknown", "failed"] as const).map((status) => ({
        ...{
          taskId: "t",
          pass: "#1",
          title: "title",
          module: "copy",
          handler: false,
          at: "p.yml:1:1",
          status,
        },
        ...{ message: "message", differences: [planned, { kind: "field", name: "mode", secret: true }] },
      })),
    },
  },
};
const score: RecordScore = {
  ...{ type: "score", planId: "p", right: 0, tested: 1, unknown: 0, notReached: 0 },
  wrong: [{ host: "web1", task: "t", at: "p.yml:1:1", predicted: "ok", happened: "changed" }],
};
const record = {
  head: {
    ...{ type: "record", schema: 1, runId: "r", time: "now", who: "me", controller: "c", pid: 1 },
    ...{ command: ["run"], directory: "/d", checkMode: false, versions: { plumb: "1", node: "24" } },
  },
  commit: { type: "record-commit", commit: "c" },
} as unknown as ReadRecord;
const summary = {
  ...{ runId: "r", time: "now", who: "me", playbooks: ["p"], commit: "c", dirty: false, checkMode: false },
  ...{ hosts: 1, changed: 0, wouldChange: 0, failed: 0, outcome: "ok" },
} as unknown as RecordSummary;
const report: DriftReport = {
  ...{ type: "drift", schema: 1, runId: "r", time, playbooks: ["site.yml"] },
  hosts: [{ host: "web1", outcome: "ok", ok: 1, drift: 1, unknown: 1, failed: 1 }],
  items: (["drift", "unknown", "failed"] as const).map((status) => ({
    ...{ host: "web1", task: "task", module: "copy", at: "p.yml:1:1", status, severity: "high" },
    ...{ message: "message", differences: [planned], firstSeen: "then" },
  })),
};
const poolers: HostPoolers[] = [
  { host: "web2", error: "error" },
  {
    host: "web1",
    poolers: [
      {
        ...{ instance: "one", unit: "failed", version: "1", trouble: "trouble", isPaused: false },
        clients: { used: 1, most: 1, waiting: 0 },
        pools: [
          {
            ...{ database: "d", user: "u", clientsActive: 1, clientsWaiting: 1, maxWaitSeconds: 1 },
            ...{ serversActive: 1, servers: 1, poolSize: 1, state: "paused" },
          },
        ],
        certificates: [{ path: "/c", daysLeft: 1 }],
        drift: [{ setting: "s", file: "1", running: "2" }],
        health: { status: 503, reason: "reason", message: "message" },
      },
    ],
  },
];
const whyVariable: WhyVariable = {
  ...{ host: "web1", name: "n", wins: { level: "play", at, value: "v", written: "w" } },
  beats: [{ level: "facts", at, unknown: "u" }],
};
const whyTask: WhyTaskAnswer = {
  host: "web1",
  unreachable: { message: "m", hint: "h" },
  tasks: [true, false].map((takesPart) => ({
    ...{
      name: "n",
      module: "copy",
      at,
      play: "p",
      hostTakesPart: takesPart,
      tags: ["t"],
      selected: takesPart,
    },
    conditions: [
      {
        source: "s",
        at,
        holds: "unknown",
        names: [
          { name: "n", value: "v", at },
          { name: "m", unknown: "u" },
        ],
      },
    ],
    found: [{ status: "failed", message: "m", hint: "h", differences, task }],
  })),
};

/** What a view writes of events. */
async function written(open: typeof plainView, events: readonly Event[], verbosity = 2): Promise<string> {
  const texts: string[] = [];
  const output = { write: (text: string) => void texts.push(text), isTerminal: false, hasMovableRows: false };
  const view = open({ output, diff: true, verbosity });
  for (const event of events) view.show(event);
  await view.close();
  return texts.join("");
}

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `web${index}`);

describe("nothing that a terminal obeys comes through", () => {
  test.each([
    ["plan", () => planLines(hostile(plan), paint)],
    ["a plan that no longer holds", () => movedLines([hostile({ host: "h", task: "t", what: "w" })], paint)],
    ["score", () => scoreLines(hostile(score), paint)],
    ["history", () => recordTable([{ ...hostile(summary), outcome: HOSTILE as "ok" }], paint)],
    ["history show", () => recordHeadLines(hostile(record), paint)],
    ["why VARIABLE", () => whyVariableLines(hostile(whyVariable), paint)],
    ["why TASK", () => whyTaskLines(hostile(whyTask), paint)],
    ["pgbouncer status", () => poolerStatusLines(hostile(poolers), paint)],
    ...DRIFT_FORMATS.map(
      (format) => [`drift as ${format}`, () => [driftText(hostile(report), format, paint)]] as const,
    ),
  ] as [string, () => string[]][])("in what is told of %s", (_, lines) => {
    const text = lines().join("\n");
    expect(text).toContain("owned");
    expect(text).not.toMatch(CONTROLS);
  });

  test.each([1, 15, 30])("in a run on %i hosts, whatever view tells it", async (count) => {
    const events = eventsOf(many(count)).map((event) => hostile(event));
    for (const view of [plainView, jsonView, junitView])
      for (const verbosity of [0, 2]) {
        const text = await written(view, events, verbosity);
        expect(text).toContain("owned");
        expect(text).not.toMatch(CONTROLS);
      }
  });
});

describe("what is made for programs stays what it is", () => {
  test("JSON is the same value as before", async () => {
    const events = eventsOf(many(1)).map((event) => hostile(event));
    const lines = (await written(jsonView, events)).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(events)));
    expect(JSON.parse(driftText(hostile(report), "json", paint))).toEqual(hostile(report));
  });

  test("JUnit reports hold no character that XML has not", async () => {
    const events = eventsOf(many(1)).map((event) => hostile(event));
    for (const text of [await written(junitView, events), driftText(hostile(report), "junit", paint)]) {
      expect(text).toContain("owned");
      expect(text).not.toMatch(/[\ufffe\uffff]/);
    }
  });

  test("Markdown has no link, no picture and no column of a host's", () => {
    const evil =
      "](https://example.org) ![x](https://example.org/y) | <img src=x> `a` &#x5b; *b* ~~c~~\n\n# d";
    const [item] = report.items;
    const items = item === undefined ? [] : [{ ...item, message: evil, task: evil }];
    const text = driftText({ ...report, items }, "markdown", paint);
    expect(text).not.toMatch(/(?<!\\)[[\]*~]|<|`|&(?!amp;|lt;)|^# d/m);
    for (const row of text.split("\n").filter((line) => line.startsWith("| web1 | drift")))
      expect(row.match(/(?<!\\)\|/g)).toHaveLength(7);
  });

  test("Prometheus has no label, no line and no value of a host's", () => {
    const name = 'web1",state="ok"} 7\nplumb_drift_resources{host="\\';
    const text = driftText(
      { ...report, hosts: [{ ...report.hosts[0], host: name }] as never },
      "prometheus",
      paint,
    );
    for (const line of text.trimEnd().split("\n"))
      expect(line).toMatch(/^# |^\w+(\{(\w+="([^"\\\n]|\\[\\"n])*",?)+\})? \d+$/);
  });
});
