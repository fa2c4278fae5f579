import { expect, test } from "vitest";
import { pgbouncerReplaced } from "../../src/modules/pgbouncer-replaced.ts";
import { SITUATION } from "./answers.ts";

const marksOf = (files: Record<string, string> | undefined): unknown =>
  pgbouncerReplaced.diff(
    { directory: "/r" },
    {
      directory: {
        files: files && new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])),
      },
    },
    SITUATION,
  );

test("a pooler tells which servers were replaced, the oldest first, and leaves out what was being written", () => {
  expect(
    marksOf({
      "fd00::2": "# a remark\nby 10.0.0.1\nat 2026-02-01T00:00:00.500Z\n",
      "10.0.0.1": "by fd00::2\nat 2026-01-31T12:00:00Z\n",
      ".10.0.0.9.part": "by 10",
    }),
  ).toMatchObject({
    action: "none",
    data: {
      marks: [
        { server: "10.0.0.1", by: "fd00::2", at: "2026-01-31T12:00:00Z" },
        { server: "fd00::2", by: "10.0.0.1", at: "2026-02-01T00:00:00.500Z" },
      ],
    },
  });
  expect(marksOf(undefined)).toMatchObject({ action: "none", data: { marks: [] } });
});

test("a mark that can't be read is no mark that is not there", () => {
  for (const text of ["", "by 10.0.0.2\n", "at 2026-01-31T12:00:00Z\n", "by 10.0.0.2\nat yesterday\n"])
    expect(() => marksOf({ "10.0.0.1": text })).toThrow(/\/r\/10\.0\.0\.1 does not say by whom/);
});
