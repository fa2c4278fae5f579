import { expect, test } from "vitest";
import { columnsOf } from "../../src/records/send-record.ts";

test("beside each line stands what queries look for, without what PostgreSQL can't hold", () => {
  const line = JSON.stringify({
    type: "task-finished",
    time: "2026-11-25T12:00:00.000Z",
    host: "web\0one",
    task: { name: "copy it", module: "copy" },
    status: "changed",
  });
  expect(columnsOf(line)).toEqual({
    type: "task-finished",
    time: "2026-11-25T12:00:00.000Z",
    host: "web\uFFFDone",
    task: "copy it",
    module: "copy",
    status: "changed",
    line,
  });
  expect(columnsOf('{"type":"run-finished","outcome":"failed"}')).toMatchObject({
    status: "failed",
    host: null,
  });
  expect(columnsOf('{"type":"hal')).toMatchObject({ type: "damaged", line: "null" });
});
