import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { TaskReference } from "../../src/converge/event.ts";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { recordHead } from "../../src/records/record-head.ts";
import { resumptionOf } from "../../src/records/resumption.ts";

const at = { file: "site.yml", line: 1, column: 1 } as TaskReference["at"];
const task = (taskId: string, index?: number): TaskReference => ({
  taskId,
  name: taskId,
  module: "command",
  handler: false,
  at,
  ...(index === undefined ? {} : { item: { index, label: `item ${index}` } }),
});

function folderWith(runs: Readonly<Record<string, readonly unknown[]>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-resumption-"));
  for (const [runId, events] of Object.entries(runs)) {
    const head = {
      ...recordHead({ runId, checkMode: false, version: "1", secrets: new Secrets() }),
      directory: "/srv",
    };
    writeFileSync(
      path.join(folder, `${runId}.jsonl`),
      [head, ...events].map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  }
  return folder;
}

const started = (playbook: string, checkMode = false) => ({
  type: "run-started",
  playbooks: [playbook],
  checkMode,
});
const play = { type: "play-started", name: "play", hosts: ["a", "b"] };
const done = (host: string, reference: TaskReference, status = "changed") => ({
  type: "task-finished",
  time: "2026-11-25T12:00:00Z",
  host,
  task: reference,
  status,
  message: "",
  differences: [],
  data: null,
});
const counts = {
  ...{ ok: 0, changed: 0, "would-change": 0, unknown: 0 },
  ...{ failed: 0, rescued: 0, ignored: 0, skipped: 0 },
};
const finished = (outcomes: Readonly<Record<string, string>>) => ({
  type: "run-finished",
  outcome: "failed",
  durationMs: 1,
  hosts: Object.entries(outcomes).map(([host, outcome]) => ({
    ...{ host, outcome, counts, pendingHandlers: [], durationMs: 1 },
  })),
});

describe("what a run has left to do", () => {
  test("hosts that were not done, and what was done on them, item by item", () => {
    const folder = folderWith({
      "1": [
        started("/srv/site.yml"),
        play,
        done("b", task("t", 0)),
        done("b", task("t", 1), "failed"),
        finished({ a: "ok", b: "failed" }),
      ],
    });
    const left = resumptionOf(folder, ["/srv/site.yml"], undefined);
    expect(left.hosts).toEqual(["b"]);
    expect([0, 1].map((index) => left.isDone("b", task("t", index)))).toEqual([true, false]);
    expect(left.isDone("a", task("t", 0))).toBe(false);
  });

  test("of a run that was killed all hosts are left", () => {
    const folder = folderWith({ "1": [started("/srv/site.yml"), play, done("a", task("t"))] });
    expect(resumptionOf(folder, ["/srv/site.yml"], undefined)).toMatchObject({
      runId: "1",
      hosts: ["a", "b"],
    });
  });

  test("the last run of the same playbooks counts, and checks do not", () => {
    const folder = folderWith({
      "1": [started("/srv/site.yml"), play],
      "2": [started("/srv/site.yml", true), play],
      "3": [started("/srv/other.yml"), play],
    });
    expect(resumptionOf(folder, ["/srv/site.yml"], undefined).runId).toBe("1");
    expect(resumptionOf(folder, ["/srv/site.yml"], "3").runId).toBe("3");
    expect(() => resumptionOf(folder, ["/srv/none.yml"], undefined)).toThrow(/no record/);
  });

  test("a run that came to its end can't be gone on with", () => {
    const folder = folderWith({ "1": [started("/srv/site.yml"), play, finished({ a: "ok", b: "ok" })] });
    expect(() => resumptionOf(folder, ["/srv/site.yml"], undefined)).toThrow(/came to its end/);
  });
});
