import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { htmlReport } from "../../src/acceptance/html.ts";
import { markdownReport } from "../../src/acceptance/markdown.ts";
import type { PoolerMeasurements } from "../../src/acceptance/measurements.ts";
import { buildReport, reportSchema } from "../../src/acceptance/report.ts";
import { DEMANDS, load, measured, single } from "./measured.ts";
import { elementsOf, externalReferences } from "./well-formed.ts";

const WHEN = "2026-01-01T00:00:00.000Z";
const build = (...poolers: PoolerMeasurements[]) => buildReport(poolers, DEMANDS, WHEN);
const LOST = { reason: "the host was lost" };
const NOTHING = measured({
  samples: LOST,
  single: LOST,
  normal: LOST,
  crowd: LOST,
  functions: LOST,
  restart: LOST,
});
const SLOW = measured({
  crowd: {
    measured: load({
      clients: 1000,
      logged_in: 990,
      served: 990,
      errors: { "no more connections allowed": 10 },
    }),
  },
});

describe("the report", () => {
  test("is accepted when all is met, on both versions", () => {
    const report = build(measured(), measured({}, "1.24.1"));
    expect(report).toMatchObject({ accepted: true, problems: [] });
    expect(
      report.poolers.map(({ version, poolMode, serverVersion }) => [version, poolMode, serverVersion]),
    ).toEqual([
      ["1.18.0", "transaction", "15.20"],
      ["1.24.1", "transaction", "15.20"],
    ]);
  });

  test("names what is missed, and what the errors were", () => {
    expect(build(SLOW).problems).toEqual([
      "pool1: Clients at once: 990 clients, at least 1000 clients is required (errors: 10 × no more connections allowed)",
    ]);
  });

  test("is not accepted when nothing was measured, and says so once for each reason", () => {
    const report = build(NOTHING);
    expect(report.accepted).toBe(false);
    expect(report.problems).toEqual([
      expect.stringMatching(
        /^pool1: not measured: Connection time, (.*, ){14}A restart under load is survived: the host was lost$/,
      ),
    ]);
  });

  test("a figure that noise has made is told with its spread, and neither met nor missed", () => {
    const pooled = Array.from({ length: 50 }, (_, index) => (index % 5 === 0 ? 4 : 12)).map(
      (ms): [number, number] => [ms, ms],
    );
    const direct = Array.from({ length: 100 }, (_, index) => (index % 20 === 0 ? 8 : 0.1));
    const latency = { direct, pooled: direct };
    const report = build(
      measured({ single: { measured: single({ login: { direct: [], pooled }, latency }) } }),
    );
    expect(report.problems).toEqual([
      expect.stringMatching(/^pool1: not measured: Connection time: too noisy: /),
    ]);
    expect(markdownReport(report)).toContain(
      "| Connection time | not measured, too noisy | 12 ms | less than 5 ms | 12 ms to 12 ms (95 % interval of the median) | 50 |",
    );
    expect(htmlReport(report)).toContain("too noisy</span>");
  });

  test("what may be left out is no problem", () => {
    const of = measured({ restart: LOST });
    expect(build(of).problems).toEqual([expect.stringContaining("restart under load")]);
    expect(buildReport([of], { ...DEMANDS, mayBeLeftOut: ["restart-under-load"] }, WHEN).accepted).toBe(true);
  });

  test("the same measurements give the same report", () => {
    expect(build(measured(), SLOW)).toEqual(build(measured(), SLOW));
  });

  test.each([
    ["complete", measured()],
    ["missed", SLOW],
    ["empty", NOTHING],
  ])("as JSON it is what its schema says (%s)", (_what, of) => {
    expect(reportSchema.parse(JSON.parse(JSON.stringify(build(of))))).toEqual(build(of));
  });

  test("the schema in docs/ is the one that is used", async () => {
    const written = JSON.parse(await readFile("docs/acceptance-report.schema.json", "utf8")) as unknown;
    expect(written).toEqual(z.toJSONSchema(reportSchema));
  });

  test("as Markdown it has verdicts, spread, and what was not measured", () => {
    const text = markdownReport(build(SLOW));
    expect(text).toContain("**not accepted**");
    expect(text).toMatch(
      /\| Connection time \| met \| 4 ms \| less than 5 ms \| 4 ms to 4 ms \(95 % interval of the median\) \| 20 \|/,
    );
    expect(text).toMatch(/\| Clients at once \| MISSED \| 990 clients \|/);
    expect(text).toContain("### What was not measured");
    expect(markdownReport(build(NOTHING))).toContain("not measured: the host was lost");
  });

  test.each([
    ["complete", measured()],
    ["missed", SLOW],
    ["empty", NOTHING],
  ])("as a page it is well formed and needs nothing from elsewhere (%s)", (_what, of) => {
    const page = htmlReport(build(of));
    expect(elementsOf(page).filter(({ name }) => name === "svg")).toHaveLength(5);
    expect(externalReferences(page)).toEqual([]);
    expect(page).not.toMatch(/https?:/);
  });

  test("what came from hosts is text, in the page and in the tables", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (name, error) => {
        const of = measured({
          functions: {
            measured: { tests: [{ name: "errors", observed: "broken", detail: `${error}<script>|` }] },
          },
          restart: { measured: load({ failed: 1, errors: { [error]: 1 } }) },
        });
        const report = build({ ...of, name: `${name}"><img src=x>`, client: error });
        const page = htmlReport(report);
        expect(elementsOf(page).some((element) => element.name === "script" || element.name === "img")).toBe(
          false,
        );
        const rows = markdownReport(report)
          .split("\n")
          .filter((line) => line.startsWith("|"));
        const cells = (row: string): number => row.replace(/\\./g, "").split("|").length;
        expect([...new Set(rows.map(cells))].sort()).toEqual([7, 8]);
      }),
      { numRuns: 60 },
    );
  });

  test("plots stay inside of their frame, whatever is measured", () => {
    const figure = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(figure, figure), { maxLength: 40 }), (pairs) => {
        const of = measured();
        const login = {
          direct: pairs,
          pooled: pairs.map(([one, other]) => [other, one] as [number, number]),
        };
        const latency = { direct: pairs.map(([one]) => one), pooled: pairs.map(([, other]) => other) };
        of.parts.single = { measured: { login, latency, direct_problem: null } };
        const points = elementsOf(htmlReport(build(of)))
          .filter(({ name }) => name === "polyline")
          .flatMap(({ attributes }) => (attributes["points"] ?? "").split(" "))
          .map((point) => point.split(",").map(Number));
        for (const [x = Number.NaN, y = Number.NaN] of points) {
          expect(x >= 0 && x <= 640).toBe(true);
          expect(y >= 0 && y <= 260).toBe(true);
        }
      }),
      { numRuns: 60, examples: [[[[999999.9999999971, 999999.9999999972]]]] },
    );
  });
});
