import type { Difference } from "../modules/change.ts";
import type { Moved } from "../plans/compare-plans.ts";
import type { Plan, PlannedTask } from "../plans/plan.ts";
import { present } from "../playbook/present.ts";
import type { RecordScore } from "../records/record-head.ts";
import type { Paint } from "./colour.ts";
import { differenceLines } from "./difference-lines.ts";
import { safeText } from "./safe-text.ts";
import { tableLines } from "./table.ts";

const COLUMNS = ["ok", "would-change", "unknown", "failed", "skipped"] as const;

const TENTATIVE = "what is installed or run above may do some of what follows by itself";

/** A plan for a person: what would change on each host, then the sums. */
export function planLines(plan: Plan, paint: Paint): string[] {
  const hosts = Object.entries(plan.hosts);
  const lines = [
    paint("bold", `PLAN ${safeText(plan.planId)}`),
    `made by ${safeText(plan.who)} for ${plan.playbooks.map((file) => safeText(file)).join(" ")}`,
  ];
  for (const [host, { outcome, tasks }] of hosts) {
    const told = tasks.filter(({ status }) => status !== "ok" && status !== "skipped");
    if (told.length === 0 && outcome === "ok") continue;
    lines.push(
      "",
      `${paint("bold", safeText(host))}${outcome === "ok" ? "" : paint("red", `  ${outcome.toUpperCase()}`)}`,
    );
    const first = told.find(({ tentative }) => tentative === true);
    for (const task of told) {
      if (task === first) lines.push(paint("cyan", `  ${TENTATIVE}`));
      lines.push(...taskLines(task, paint));
    }
  }
  const count = (host: string, status: string): string =>
    String((plan.hosts[host]?.tasks ?? []).filter((task) => task.status === status).length);
  const rows = hosts.map(([host, { outcome }]) => [
    safeText(host),
    ...COLUMNS.map((status) => count(host, status)),
    outcome === "ok" ? "" : outcome.toUpperCase(),
  ]);
  return [
    ...lines,
    "",
    ...tableLines(
      [["host", "ok", "would change", "unknown", "failed", "skipped", ""], ...rows],
      new Set([1, 2, 3, 4, 5]),
    ),
  ];
}

function taskLines(task: PlannedTask, paint: Paint): string[] {
  const colour = task.status === "would-change" ? "yellow" : task.status === "unknown" ? "cyan" : "red";
  const word = task.status === "would-change" ? "would change" : task.status;
  return [
    `  ${paint(colour, word)}  ${safeText(task.title)}: ${safeText(task.message)}`,
    ...task.differences
      .flatMap((difference) => differenceLines(differenceOf(difference), paint))
      .map((line) => `      ${line}`),
  ];
}

export function differenceOf({
  kind,
  name,
  before,
  after,
  afterUnknown,
  beforeUnread,
  secret,
}: PlannedTask["differences"][number]): Difference {
  return {
    kind,
    name,
    ...present("before", before),
    ...present("after", after),
    ...present("secret", secret),
    ...(kind === "text" ? present("beforeUnread", beforeUnread) : present("afterUnknown", afterUnknown)),
  };
}

/** Why a plan is not applied. */
export function movedLines(moved: readonly Moved[], paint: Paint): string[] {
  return [
    paint("red", "The plan no longer holds, and nothing was touched:"),
    ...moved.map(
      ({ host, task, what }) =>
        `  ${[host, task, what]
          .filter((part) => part !== undefined)
          .map((part) => safeText(part))
          .join(": ")}`,
    ),
    moved.some(({ what }) => what.includes("no vault password was given"))
      ? "Give the vault password, as when the plan was made."
      : "Make a new plan, and review it.",
  ];
}

/** How the predictions came true. */
export function scoreLines(score: RecordScore, paint: Paint): string[] {
  const isRight = score.wrong.length === 0;
  return [
    "",
    paint(isRight ? "green" : "red", `${score.right} of ${score.tested} predictions right`) +
      ((score.overtaken ?? 0) === 0 ? "" : `; ${score.overtaken} done by earlier tasks`) +
      (score.unknown === 0 ? "" : `; ${score.unknown} could not be made`) +
      (score.notReached === 0 ? "" : `; ${score.notReached} were not put to the test`),
    ...score.wrong.map(
      ({ host, task, at, predicted, happened }) =>
        `  wrong: ${safeText(host)}: ${safeText(task)} (${safeText(at)}): predicted ${safeText(predicted)}, happened ${safeText(happened)}`,
    ),
  ];
}
