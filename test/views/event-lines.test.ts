import { describe, expect, test } from "vitest";
import type { TaskFinished } from "../../src/converge/event.ts";
import { eventLines } from "../../src/views/event-lines.ts";

function shown(module: string, status: TaskFinished["status"], verbosity: number, data = {}): boolean {
  const event: TaskFinished = {
    type: "task-finished",
    time: "2026-01-01T00:00:00.000Z",
    host: "web1",
    task: { taskId: "t", name: "A task", module, handler: false, at: { file: "p.yml", line: 1, column: 1 } },
    status,
    message: "what it says",
    differences: [],
    data,
    durationMs: 1,
    notified: [],
    attempts: 1,
  };
  return eventLines(event, { paint: (_, text) => text, diff: false, verbosity }).length > 0;
}

describe("what is shown of a task that has ended", () => {
  test("what changed or failed always, what was well only when asked for", () => {
    expect([shown("copy", "changed", 0), shown("copy", "failed", 0), shown("copy", "ok", 0)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(shown("copy", "ok", 1)).toBe(true);
  });

  test("debug always, but with `verbosity` only with that many -v", () => {
    expect(shown("debug", "ok", 0)).toBe(true);
    expect([0, 1, 2].map((verbosity) => shown("debug", "ok", verbosity, { verbosity: 2 }))).toEqual([
      false,
      false,
      true,
    ]);
  });
});
