import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { outcomesOf, TEST_NAMES } from "../acceptance/functional-tests.ts";
import { PARTS, type Part, type PartName, type PoolerMeasurements } from "../acceptance/measurements.ts";
import type { Report } from "../acceptance/report.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";

const limit = z.number().nullable();
const partNames = Object.keys(PARTS) as PartName[];

const params = z.strictObject({
  folder: z
    .string()
    .min(1)
    .describe(
      "Folder on the controller, relative to the playbook. What was measured is read from `raw/POOLER/PART.json` in it; report.md, report.json and report.html are written there.",
    ),
  poolers: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe("The pooler."),
        client: z.string().min(1).describe("The host that the clients were on."),
        database: z.string().min(1).describe("The database, as PgBouncer names it."),
        user: z.string().min(1).describe("The user of the clients."),
        problem: z.string().optional().describe("Why the measuring came to an end, if it did."),
        left_out: z
          .partialRecord(z.enum(partNames), z.string())
          .default({})
          .describe("Parts that were not to be measured, and why."),
      }),
    )
    .min(1)
    .describe("Whom it is about."),
  limits: z
    .strictObject({
      connection_ms: limit.default(5).describe("A login takes less."),
      utilisation_percent: limit.default(80).describe("Of a pool's size less is open under normal load."),
      wait_ms: limit.default(100).describe("The mean wait for a server connection is shorter."),
      reuse_percent: limit.default(95).describe("More of the server connections given out are reused ones."),
      clients: limit.default(1000).describe("So many clients at once are served."),
      reduction_percent: limit
        .default(90)
        .describe("PostgreSQL has fewer connections than there are clients, by more than that."),
      overhead_ms: limit.default(1).describe("A query takes longer through the pooler by less."),
    })
    .prefault({})
    .describe("What is required. null: the figure is told and not judged."),
  expectations: z
    .record(z.string(), z.string())
    .default({})
    .superRefine((wanted, context) => {
      for (const [name, outcome] of Object.entries(wanted)) {
        if (outcomesOf(name).includes(outcome)) continue;
        const message = TEST_NAMES.includes(name)
          ? `has the outcomes ${outcomesOf(name).join(", ")}, and not ${outcome}`
          : `is none of the tests: ${TEST_NAMES.join(", ")}`;
        context.addIssue({ code: "custom", path: [name], message });
      }
    })
    .describe(
      "Test to outcome, where another one is demanded than what pool mode and version lead to: `session-state: isolated`.",
    ),
  recovery_seconds: z
    .number()
    .positive()
    .default(10)
    .describe("A client may be without an answer for so long when the pooler is restarted."),
  may_be_left_out: z
    .array(z.enum(TEST_NAMES as [string, ...string[]]))
    .default([])
    .describe("Tests that are no reason to fail when they were not made."),
  forget: z
    .boolean()
    .default(false)
    .describe(
      "Only remove what was measured of these poolers before, so that nothing of it counts; judge nothing.",
    ),
  only_report: z.boolean().default(false).describe("Do not fail, whatever the verdicts are."),
});

type Params = z.infer<typeof params>;

export const pgbouncerAcceptance = defineLoadingModule<
  Params,
  { want: Params; folder: string },
  Record<string, never>,
  undefined
>({
  name: "pgbouncer_acceptance",
  summary: "Judges what was measured of poolers, and writes the report",
  description:
    "Reads what the programs of the role `pgbouncer_acceptance` have measured, judges the seven requirements and the functional tests, writes the report as Markdown, JSON (docs/acceptance-report.schema.json) and a page of HTML that needs no network, and fails when a requirement is missed or was not measured. Everything happens on the controller; the same measurements give the same verdicts.",
  params,
  examples: [
    {
      title: "As playbooks/verify-pgbouncer.yml does",
      yaml: '- pgbouncer_acceptance:\n    folder: "{{ inventory_dir }}/reports/pgbouncer"\n    poolers:\n      - { name: pool1, client: app1, database: app, user: app }\n  run_once: true\n',
    },
    {
      title: "Other limits, and only to look",
      yaml: "- pgbouncer_acceptance:\n    folder: reports\n    poolers: [{ name: pool1, client: app1, database: app, user: app }]\n    limits: { connection_ms: 20, clients: 300, utilisation_percent: null }\n    only_report: true\n",
    },
  ],
  returns: {
    accepted: "Whether every requirement is met and every test passed.",
    problems: "Why not, a sentence each.",
    report: "Path of report.html; report.md and report.json lie beside it.",
  },
  load: async (want, controller) => ({ want, folder: controller.resolvePath(want.folder) }),
  queries: () => ({}),
  diff: ({ want, folder }) => ({
    action: "run",
    summary: want.forget
      ? `remove what was measured of ${want.poolers.map(({ name }) => name).join(", ")}`
      : `judge what was measured, and write the report into ${folder}`,
    differences: [],
    detail: undefined,
  }),
  steps: (change, { want, folder }) => [
    {
      kind: "controller",
      title: change.summary,
      run: async () => {
        if (want.forget) {
          for (const { name } of want.poolers)
            await rm(rawFolder(folder, name), { recursive: true, force: true });
          return { output: { title: change.summary, data: undefined } };
        }
        const report = await judgeAndWrite(want, folder);
        if (!report.accepted && !want.only_report) throw notAccepted(report, folder);
        return { output: { title: change.summary, data: report } };
      },
    },
  ],
  result: ({ want, folder }, outputs) => {
    if (want.forget) return { changed: false, message: "nothing of an earlier measuring is left", data: {} };
    const report = outputs[0]?.data as Report;
    return {
      changed: false,
      message: `${summaryOf(report)}: ${pageIn(folder)}`,
      data: toldOf(report, folder),
    };
  },
});

const pageIn = (folder: string): string => path.join(folder, "report.html");

const toldOf = ({ accepted, problems }: Report, folder: string) => ({
  accepted,
  problems: [...problems],
  report: pageIn(folder),
});

function notAccepted(report: Report, folder: string): ModuleFailure {
  const [first = "", ...more] = report.problems;
  const message =
    more.length === 0
      ? first
      : [`not accepted, for ${report.problems.length} reasons`, first, ...more].join("\n");
  const hint = `${pageIn(folder)} shows everything; verify_only_report: true reports without failing`;
  return new ModuleFailure(message, { hint, data: toldOf(report, folder) });
}

function summaryOf({ poolers, accepted, problems }: Report): string {
  const requirements = poolers
    .flatMap((pooler) => pooler.requirements)
    .filter(({ limit: least }) => least !== null);
  const tests = poolers.flatMap((pooler) => pooler.tests).filter(({ status }) => status !== "not-made");
  const met = requirements.filter(({ status }) => status === "met").length;
  const passed = tests.filter(({ status }) => status === "passed").length;
  return [
    accepted ? "accepted" : `not accepted (${problems.join("; ")})`,
    `${met} of ${requirements.length} requirements met`,
    `${passed} of ${tests.length} tests passed`,
  ].join(", ");
}

/** The writers are loaded here: a run that judges nothing pays nothing for them. */
async function judgeAndWrite(want: Params, folder: string): Promise<Report> {
  const [{ buildReport }, { markdownReport }, { htmlReport }] = await Promise.all([
    import("../acceptance/report.ts"),
    import("../acceptance/markdown.ts"),
    import("../acceptance/html.ts"),
  ]);
  const measured = await Promise.all(want.poolers.map((pooler) => readMeasurements(pooler, folder)));
  const demands = {
    limits: want.limits,
    expectations: want.expectations,
    recoveryLimitMs: want.recovery_seconds * 1000,
    mayBeLeftOut: want.may_be_left_out,
  };
  const report = buildReport(measured, demands, new Date().toISOString());
  await mkdir(folder, { recursive: true });
  await writeWhole(path.join(folder, "report.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  await writeWhole(path.join(folder, "report.md"), markdownReport(report));
  await writeWhole(path.join(folder, "report.html"), htmlReport(report));
  return report;
}

async function readMeasurements(
  pooler: Params["poolers"][number],
  folder: string,
): Promise<PoolerMeasurements> {
  const { name, client, database, user } = pooler;
  const raw = rawFolder(folder, name);
  const read = async <Name extends PartName>(part: Name): Promise<PoolerMeasurements["parts"][Name]> => {
    const without = pooler.left_out[part] ?? pooler.problem ?? "no result came back";
    return (await readPart(
      path.join(raw, `${part}.json`),
      part,
      without,
    )) as PoolerMeasurements["parts"][Name];
  };
  const parts = {
    samples: await read("samples"),
    single: await read("single"),
    normal: await read("normal"),
    crowd: await read("crowd"),
    functions: await read("functions"),
    restart: await read("restart"),
  };
  return { name, client, database, user, parts };
}

/** @throws ModuleFailure */
function rawFolder(folder: string, pooler: string): string {
  if (pooler.includes("/") || pooler.startsWith("."))
    throw new ModuleFailure(`${pooler} would lead out of ${folder}`);
  return path.join(folder, "raw", pooler);
}

async function readPart(file: string, part: PartName, without: string): Promise<Part<unknown>> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return { reason: without };
  const parsed = PARTS[part].safeParse(parsedJson(text));
  if (parsed.success) return { measured: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    reason: `${file} is not what the measuring program writes: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Who reads it meanwhile has the old report or the new one. */
async function writeWhole(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString("hex")}.new`;
  try {
    await writeFile(unfinished, text, { flag: "wx" });
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
}
