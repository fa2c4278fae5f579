import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { PoolerMeasurements } from "../../src/acceptance/measurements.ts";
import { reportSchema } from "../../src/acceptance/report.ts";
import { ModuleFailure } from "../../src/modules/module.ts";
import { pgbouncerAcceptance } from "../../src/modules/pgbouncer-acceptance.ts";
import type { StepHost } from "../../src/modules/step.ts";
import { load, measured } from "../acceptance/measured.ts";
import { SITUATION } from "./answers.ts";

/** A folder with what was measured, as the playbook fetches it. */
async function folderWith(of: PoolerMeasurements): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-acceptance-"));
  await mkdir(path.join(folder, "raw", of.name), { recursive: true });
  for (const [part, content] of Object.entries(of.parts))
    if ("measured" in content)
      await writeFile(path.join(folder, "raw", of.name, `${part}.json`), JSON.stringify(content.measured));
  return folder;
}

/** What the module says after its one step, which touches no host. */
async function judge(folder: string, more: Record<string, unknown> = {}) {
  const pooler = { name: "pool1", client: "app1", database: "app", user: "app" };
  const want = pgbouncerAcceptance.params.parse({ folder, poolers: [pooler], ...more });
  const input = { want, folder };
  const change = { action: "run", summary: "judge", differences: [], detail: undefined } as const;
  const [step] = pgbouncerAcceptance.steps(change, input, SITUATION);
  if (step?.kind !== "controller") throw new Error("no controller step");
  const { output } = await step.run({} as StepHost, []);
  return pgbouncerAcceptance.result?.(input, output === undefined ? [] : [output], change);
}

const refusalOf = (judging: Promise<unknown>): Promise<ModuleFailure> =>
  judging.then(
    () => Promise.reject(new Error("it was accepted")),
    (error: unknown) => (error instanceof ModuleFailure ? error : Promise.reject(error)),
  );

describe("pgbouncer_acceptance", () => {
  test("accepts what is well, and writes the report three times", async () => {
    const folder = await folderWith(measured());
    expect(await judge(folder)).toMatchObject({
      changed: false,
      message: expect.stringMatching(
        /^accepted, 7 of 7 requirements met, 10 of 10 tests passed: .*report\.html$/,
      ),
      data: { accepted: true, problems: [] },
    });
    // Nothing unfinished lies beside them.
    expect((await readdir(folder)).sort()).toEqual(["raw", "report.html", "report.json", "report.md"]);
    const report = reportSchema.parse(JSON.parse(await readFile(path.join(folder, "report.json"), "utf8")));
    expect(report.accepted).toBe(true);
  });

  test("forgets what was measured before of the poolers that are named, and of no others", async () => {
    const folder = await folderWith(measured());
    await mkdir(path.join(folder, "raw", "pool2"));
    expect(await judge(folder, { forget: true })).toMatchObject({ changed: false });
    expect(await readdir(folder)).toEqual(["raw"]);
    expect(await readdir(path.join(folder, "raw"))).toEqual(["pool2"]);
    const outside = { name: "../raw", client: "app1", database: "app", user: "app" };
    const refusal = await refusalOf(judge(folder, { forget: true, poolers: [outside] }));
    expect(refusal.message).toContain("would lead out of");
    expect(await readdir(path.join(folder, "raw"))).toEqual(["pool2"]);
  });

  test("fails with what is missed, after the report is written, unless it is only to report", async () => {
    const crowd = load({ clients: 1000, logged_in: 500, served: 500, errors: { full: 500 } });
    const folder = await folderWith(measured({ crowd: { measured: crowd } }));
    const refusal = await refusalOf(judge(folder));
    expect(refusal.message).toMatch(
      /^pool1: Clients at once: 500 clients, at least 1000 clients is required/,
    );
    expect(refusal.data).toMatchObject({ accepted: false, report: path.join(folder, "report.html") });
    expect(await readFile(path.join(folder, "report.md"), "utf8")).toContain("**not accepted**");
    expect(await judge(folder, { only_report: true })).toMatchObject({
      changed: false,
      data: { accepted: false },
    });
    expect(await judge(folder, { limits: { clients: null } })).toMatchObject({ data: { accepted: true } });
    // So many are served, and errors are errors all the same.
    expect((await refusalOf(judge(folder, { limits: { clients: 500 } }))).message).toBe(
      "pool1: Clients at once: errors: 500 × full",
    );
  });

  test("a part that is not there has the reason that the playbook gave", async () => {
    const folder = await folderWith(measured({ crowd: { reason: "" }, restart: { reason: "" } }));
    const pooler = {
      name: "pool1",
      client: "app1",
      database: "app",
      user: "app",
      left_out: { crowd: "not wanted" },
    };
    const refusal = await refusalOf(
      judge(folder, { poolers: [{ ...pooler, problem: "`Measure: restart` failed" }] }),
    );
    expect(refusal.message).toMatch(
      /not measured: Clients at once, Fewer connections to PostgreSQL: not wanted/,
    );
    expect(refusal.message).toMatch(
      /not measured: A restart under load is survived: `Measure: restart` failed/,
    );
  });

  test.each([
    ["cut off", '{"login": '],
    ["something else", '{"login": 3}'],
  ])("a file that is %s is no measurement", async (_what, text) => {
    const folder = await folderWith(measured());
    await writeFile(path.join(folder, "raw", "pool1", "single.json"), text);
    expect((await refusalOf(judge(folder))).message).toMatch(
      /not measured: Connection time, Latency overhead: .*single\.json is not what/,
    );
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ["a limit that there is not", { limits: { connections_ms: 1 } }, /connections_ms/],
    ["a test that there is not", { expectations: { "prepared-statement": "work" } }, /is none of the tests/],
    ["an outcome that the test has not", { expectations: { "session-state": "works" } }, /isolated, leaks/],
  ])("%s is refused", (_what, more, message) => {
    const poolers = [{ name: "pool1", client: "app1", database: "app", user: "app" }];
    const parsed = pgbouncerAcceptance.params.safeParse({ folder: "x", poolers, ...more });
    expect(JSON.stringify(parsed.error?.issues)).toMatch(message);
  });

  test("a pooler's name cannot lead out of the folder", async () => {
    const poolers = [{ name: "../elsewhere", client: "app1", database: "app", user: "app" }];
    expect((await refusalOf(judge("/tmp", { poolers }))).message).toContain("would lead out");
  });
});
