import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskFinished, TaskReference } from "../../src/converge/event.ts";
import { noCounts } from "../../src/converge/no-counts.ts";
import { movedHosts, movedInputs } from "../../src/plans/compare-plans.ts";
import { digestOf, digestParts, movedParts } from "../../src/plans/digest.ts";
import { type Plan, type PlannedTask, parsePlan } from "../../src/plans/plan.ts";
import { planBuilder } from "../../src/plans/plan-builder.ts";
import { referee } from "../../src/plans/score.ts";
import { movedLines } from "../../src/views/plan-lines.ts";

const at = { file: "site.yml", line: 1, column: 1 };
const reference = (name: string, more: Partial<TaskReference> = {}): TaskReference => ({
  taskId: `site.yml:${name}`,
  name,
  module: "file",
  handler: false,
  at,
  ...more,
});
const finished = (
  name: string,
  status: TaskFinished["status"],
  more: Partial<TaskFinished> = {},
): TaskFinished => ({
  type: "task-finished",
  time: "t",
  host: "one",
  task: reference(name),
  status,
  message: "",
  differences: [],
  data: null,
  durationMs: 1,
  notified: [],
  attempts: 1,
  ...more,
});
const planned = (
  name: string,
  status: PlannedTask["status"],
  more: Partial<PlannedTask> = {},
): PlannedTask => ({
  taskId: `site.yml:${name}`,
  pass: "#1",
  title: name,
  module: "file",
  handler: false,
  at: "site.yml:1:1",
  status,
  message: "",
  differences: [],
  ...more,
});
const planOf = (...tasks: PlannedTask[]): Plan => ({
  type: "plumb-plan",
  schema: 1,
  planId: "p",
  time: "t",
  who: "me",
  versions: { plumb: "1", node: "24" },
  salt: "s",
  playbooks: ["site.yml"],
  options: {},
  inputs: {},
  hosts: { one: { outcome: "ok", tasks } },
});
const change = (differences: { kind: "field"; name: string; after?: string }[]) =>
  ({ action: "update", summary: "", differences, detail: undefined }) as const;
const hostEnd = (outcome: "ok" | "failed") =>
  ({
    type: "run-finished",
    time: "t",
    runId: "r",
    outcome,
    hosts: [
      {
        host: "one",
        outcome,
        counts: noCounts(),
        pendingHandlers: [],
        durationMs: 1,
      },
    ],
    durationMs: 1,
  }) as const;

test("equal values have equal digests whatever the order of their keys, and other salts other digests", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      expect(digestOf("s", turned)).toBe(digestOf("s", value));
      expect(movedParts(digestParts("s", value), digestParts("s", turned))).toEqual([]);
    }),
  );
  expect(digestOf("s", "x")).not.toBe(digestOf("t", "x"));
  expect(digestOf("s", new Map([["a", 1]]))).not.toBe(digestOf("s", new Map([["a", 2]])));
  expect(digestOf("s", new Set([1]))).not.toBe(digestOf("s", new Set([2])));
});

test("the parts that moved are named", () => {
  expect(
    movedParts(digestParts("s", { mode: 1, owner: 2 }), digestParts("s", { mode: 2, owner: 2, group: 3 })),
  ).toEqual(["mode", "group"]);
  expect(movedParts(digestParts("s", "here"), digestParts("s", { mode: 1 }))).toEqual(["", "mode"]);
});

test("what is no plan of this version is refused", () => {
  const plan = planOf(planned("a", "ok"));
  const trouble = (text: string): string => {
    const read = parsePlan(text);
    return "trouble" in read ? read.trouble : "";
  };
  expect(parsePlan(JSON.stringify(plan))).toEqual({ plan });
  expect(trouble(JSON.stringify({ ...plan, schema: 99 }))).toMatch(
    /version 99 of the format.*knows version 1/,
  );
  expect(trouble(JSON.stringify({ ...plan, hosts: 1 }))).toMatch(/damaged at hosts/);
  expect(trouble(JSON.stringify(plan).slice(0, 100))).toMatch(/damaged/);
  for (const text of ["{}", "[1]", "7"]) expect(trouble(text)).toBe("it is no plan");
});

test("files that changed, came and went are told apart", () => {
  expect(movedInputs({ a: "1", b: "1" }, { a: "2", c: "1" }).map(({ what }) => what)).toEqual([
    "a has changed",
    "b is gone",
    "c is new",
  ]);
});

test("a host is compared by status, then by what a change was computed from, then by its differences", () => {
  const basis = (mode: number) => ({ at: digestParts("s", { mode, owner: 1 }) });
  const moved = (was: PlannedTask, is: PlannedTask): string[] =>
    movedHosts(planOf(was).hosts, planOf(is).hosts).map(({ what }) => what);
  expect(moved(planned("a", "ok"), planned("a", "would-change"))).toEqual(["was ok, is would-change"]);
  expect(
    moved(
      planned("a", "would-change", { basis: basis(1) }),
      planned("a", "would-change", { basis: basis(2) }),
    ),
  ).toEqual(["at: mode has changed"]);
  const other = { at: digestParts("s", { mode: 2, owner: 2 }) };
  expect(
    moved(planned("a", "would-change", { basis: basis(1) }), planned("a", "would-change", { basis: other })),
  ).toEqual(["at: mode, owner have changed"]);
  const differing = planned("a", "would-change", {
    basis: basis(1),
    differences: [{ kind: "field", name: "mode", after: "1" }],
  });
  expect(moved(planned("a", "would-change", { basis: basis(1) }), differing)).toEqual([
    "other differences than planned",
  ]);
  expect(moved(planned("a", "ok"), planned("b", "ok"))).toEqual([
    "would not run any more",
    "is not in the plan",
  ]);
  expect(movedHosts(planOf().hosts, { one: { outcome: "unreachable", tasks: [] } })[0]?.what).toBe(
    "was ok, is unreachable",
  );
  expect(movedHosts(planOf().hosts, {})[0]?.what).toBe("takes no part any more");
});

test("a handler that follows from a certain change is planned, one that follows from an unknown task is unknown", () => {
  const statusOf = (cause: TaskFinished["status"]): string | undefined => {
    const builder = planBuilder("s");
    builder.hear(finished("cause", cause, { notified: ["web : restart"] }));
    const task = reference("restart", { handler: true, role: "web" });
    builder.watcher.predicted?.("one", task, { answers: new Map(), facts: {} });
    builder.hear(finished("restart", "skipped", { task }));
    builder.hear(hostEnd("ok"));
    return builder.hosts()["one"]?.tasks[1]?.status;
  };
  expect(statusOf("would-change")).toBe("would-change");
  expect(statusOf("unknown")).toBe("unknown");
});

test("right and wrong predictions are counted; unknown and what was not reached are not", () => {
  const plan = planOf(
    planned("a", "ok"),
    planned("b", "would-change"),
    planned("c", "ok"),
    planned("d", "unknown"),
    planned("e", "would-change"),
  );
  const judge = referee(plan);
  for (const event of [
    finished("a", "ok"),
    finished("b", "changed"),
    finished("c", "changed"),
    finished("d", "changed"),
  ])
    judge.hear(event);
  judge.hear(hostEnd("failed"));
  expect(judge.score()).toMatchObject({
    right: 2,
    tested: 3,
    unknown: 1,
    notReached: 1,
    wrong: [{ task: "c", predicted: "ok" }],
  });
});

test("a planned change that did not happen on a host that got to its end is wrong", () => {
  const judge = referee(planOf(planned("a", "would-change")));
  judge.hear(hostEnd("ok"));
  expect(judge.score()).toMatchObject({ right: 0, tested: 1 });
});

test("a change that the plan has not, or that goes beyond it, is objected to", () => {
  const differences = [{ kind: "field", name: "mode", after: "0644" }] as const;
  const judge = referee(
    planOf(
      planned("a", "would-change", { differences: [...differences] }),
      planned("b", "ok"),
      planned("c", "unknown"),
      planned("d", "ok", { ran: true }),
    ),
  );
  const objection = (
    name: string,
    made: Parameters<NonNullable<typeof judge.watcher.objection>>[2],
  ): string | undefined => judge.watcher.objection?.("one", reference(name), made);
  expect(objection("a", change([...differences]))).toBeUndefined();
  expect(objection("a", change([]))).toBeUndefined();
  expect(objection("a", change([{ kind: "field", name: "mode", after: "0777" }]))).toContain("mode to 0777");
  expect(objection("a", change([{ kind: "field", name: "owner", after: "x" }]))).toContain("owner");
  expect(objection("b", change([]))).toContain("it says ok");
  expect(objection("c", change([{ kind: "field", name: "owner" }]))).toBeUndefined();
  expect(objection("d", { ...change([]), action: "run" })).toBeUndefined();
  expect(objection("z", change([]))).toContain("nothing of this task");
});

test("what an earlier task may do by itself is marked, and neither right nor wrong when it has", () => {
  const builder = planBuilder("s");
  for (const [name, module] of [
    ["before", "file"],
    ["installs", "package"],
    ["behind", "file"],
    ["further", "file"],
  ] as const)
    builder.hear(finished(name, "would-change", { task: reference(name, { module }) }));
  builder.hear(hostEnd("ok"));
  const { tasks = [] } = builder.hosts()["one"] ?? {};
  expect(tasks.map(({ tentative }) => tentative)).toEqual([undefined, undefined, true, true]);
  const judge = referee(planOf(...tasks));
  judge.hear(finished("before", "changed"));
  judge.hear(finished("installs", "changed", { task: reference("installs", { module: "package" }) }));
  judge.hear(finished("behind", "ok"));
  judge.hear(finished("further", "changed"));
  judge.hear(hostEnd("ok"));
  expect(judge.score()).toMatchObject({ right: 3, tested: 3, overtaken: 1, wrong: [] });
});

test("a value that is known only when it is done is no other change", () => {
  const differences = [{ kind: "field" as const, name: "tree", after: "what the lists say" }];
  const certain = referee(planOf(planned("a", "would-change", { differences })));
  const open = differences.map((one) => ({ ...one, afterUnknown: true as const }));
  const judge = referee(planOf(planned("a", "would-change", { differences: open })));
  const made = change([{ kind: "field", name: "tree", after: "2.1.0" }]);
  expect(certain.watcher.objection?.("one", reference("a"), made)).toContain("tree to 2.1.0");
  expect(judge.watcher.objection?.("one", reference("a"), made)).toBeUndefined();
});

test("what a run did not come to because another host ended it is not put to the test", () => {
  const judge = referee(planOf(planned("a", "would-change"), planned("b", "would-change")));
  judge.hear(finished("a", "changed"));
  judge.hear({ ...hostEnd("ok"), outcome: "failed" });
  expect(judge.score()).toMatchObject({ right: 1, tested: 1, notReached: 1, wrong: [] });
});

test.each([
  [
    "was would-change, is failed (this value is vaulted, and no vault password was given)",
    /^Give the vault password/,
  ],
  ["mode has changed", /^Make a new plan/],
])("what moved because of %s is told with what to do", (what, hint) => {
  const lines = movedLines([{ host: "one", task: "t", what }], (_, text) => text);
  expect(lines.at(-1)).toMatch(hint);
});
