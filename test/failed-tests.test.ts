import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("what failed is told last, in order, each in a few lines; and a group behind a failure begins with hosts that are made anew", async () => {
  const program = `import { startVitest } from "vitest/node";
import { FailedTests } from "./test/failed-tests.ts";
await startVitest("test", [], { config: false, watch: false, include: ["test/cases/failed-tests/*.ts"], reporters: ["default", new FailedTests()] });`;
  const said = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]).catch(
    (error: Error & { stdout: string }) => error,
  );
  expect(said).toMatchObject({ code: 1 });
  expect(
    said.stdout.split("Failed, the first one first:\n")[1],
  ).toBe(`1. test/cases/failed-tests/failing.ts: lists are the same
   AssertionError: expected [ 'pool1 failed' ] to deeply equal []
   +   "pool1 failed",
2. test/cases/failed-tests/failing.ts: a group (before or behind its tests)
   Error: not prepared
3. test/cases/failed-tests/failing.ts: failing itself > fails
   AssertionError: expected 1 to be +0 // Object.is equality
   + 1
`);
});
