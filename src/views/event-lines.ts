import type {
  Event,
  HostRecap,
  RunFinished,
  Stopping,
  TaskFinished,
  TaskReference,
  TaskStatus,
} from "../converge/event.ts";
import { formatPosition } from "../diagnostics/diagnostic.ts";
import { renderDiagnostic } from "../diagnostics/render.ts";
import type { Colour, Paint } from "./colour.ts";
import { differenceLines } from "./difference-lines.ts";
import { formatDuration } from "./duration.ts";
import { safeText } from "./safe-text.ts";
import { tableLines } from "./table.ts";

export interface LineOptions {
  paint: Paint;
  diff: boolean;
  verbosity: number;
}

/** An event as lines for a person; none for what is not worth a line. */
export function eventLines(event: Event, options: LineOptions): string[] {
  const { paint } = options;
  switch (event.type) {
    case "play-started":
      return ["", `${paint("bold", `PLAY ${event.name}`)}  (${countOf(event.hosts.length, "host")})`];
    case "host-unreachable":
      return [
        `${paint("bold", event.host)}  ${paint("red", event.code === "locked" ? "LOCKED" : "UNREACHABLE")}  ${safeText(event.message)}`,
        ...hintLines(event.hint),
      ];
    case "task-finished":
      return finishedLines(event, options);
    case "handlers-started":
      return event.leftOver.length === 0
        ? []
        : [`${paint("bold", event.host)}  handlers left by an interrupted run: ${event.leftOver.join(", ")}`];
    case "warning":
      return [
        paint(
          "yellow",
          `warning: ${event.host === undefined ? "" : `${event.host}: `}${safeText(event.message)}`,
        ),
      ];
    case "stopping":
      return [paint("yellow", stoppingText(event.reason))];
    case "run-finished":
      return recapLines(event, paint);
    case "run-started":
      return event.checkMode ? ["Check mode: nothing will be changed."] : [];
    default:
      return [];
  }
}

const SHOWN_AS: Record<TaskStatus, { word: string; colour: Colour }> = {
  ok: { word: "ok", colour: "green" },
  changed: { word: "changed", colour: "yellow" },
  "would-change": { word: "would change", colour: "yellow" },
  unknown: { word: "unknown", colour: "cyan" },
  failed: { word: "FAILED", colour: "red" },
  ignored: { word: "failed (ignored)", colour: "cyan" },
  rescued: { word: "failed (rescued)", colour: "cyan" },
  skipped: { word: "skipped", colour: "gray" },
};

function finishedLines(event: TaskFinished, { paint, diff, verbosity }: LineOptions): string[] {
  const quiet = event.status === "ok" || event.status === "skipped";
  if (tells(event) ? Number(event.data?.["verbosity"] ?? 0) > verbosity : quiet && verbosity === 0) return [];
  const { word, colour } = SHOWN_AS[event.status];
  const head = `${paint("bold", event.host)}  ${paint(colour, word)}  ${taskTitle(event.task)}`;
  const failed = event.status === "failed";
  const [message = "", ...more] = event.message.split("\n");
  const lines = [
    `${head}${message === "" ? "" : `: ${safeText(message)}`}`,
    ...indent(more.map((line) => safeText(line))),
  ];
  if (failed) lines.push(`    at ${formatPosition(event.task.at)}`);
  if (failed && event.diagnostics !== undefined) {
    lines.push(
      ...event.diagnostics.flatMap((diagnostic) => indent(renderDiagnostic(diagnostic).split("\n"))),
    );
  } else lines.push(...hintLines(event.hint));
  if (diff)
    lines.push(...indent(event.differences.flatMap((difference) => differenceLines(difference, paint))));
  if (verbosity >= 2 && event.data !== null)
    lines.push(...indent(JSON.stringify(event.data, undefined, 2).split("\n")));
  return lines;
}

/** `debug` is there to be read. */
function tells(event: TaskFinished): boolean {
  return event.task.module === "debug" && event.status === "ok";
}

/** `role : name => item`. */
export function taskTitle(task: TaskReference): string {
  const item = task.item === undefined ? "" : ` => ${safeText(task.item.label)}`;
  const delegated = task.delegatedTo === undefined ? "" : ` -> ${task.delegatedTo}`;
  return `${task.role === undefined ? "" : `${task.role} : `}${safeText(task.name)}${item}${delegated}`;
}

function recapLines(event: RunFinished, paint: Paint): string[] {
  const columns: TaskStatus[] = [
    "ok",
    "changed",
    "would-change",
    "unknown",
    "failed",
    "rescued",
    "ignored",
    "skipped",
  ];
  const shown = columns.filter(
    (status) =>
      ["ok", "changed", "failed"].includes(status) || event.hosts.some(({ counts }) => counts[status] > 0),
  );
  const head = ["host", ...shown.map((status) => SHOWN_AS[status].word.toLowerCase()), "time", "trips", ""];
  const rows = event.hosts.map((host) => [
    paint(host.outcome === "ok" ? "green" : "red", host.host),
    ...shown.map((status) => String(host.counts[status])),
    formatDuration(host.durationMs),
    host.counters === undefined ? "-" : String(host.counters.roundTrips),
    outcomeText(host),
  ]);
  const right = new Set(shown.map((_, index) => index + 1).concat(shown.length + 1, shown.length + 2));
  return [
    "",
    paint("bold", "RECAP"),
    ...tableLines([head, ...rows], right),
    "",
    totalText(event),
    ...retryLines(event),
  ];
}

function outcomeText(host: HostRecap): string {
  const pending =
    host.pendingHandlers.length === 0
      ? ""
      : ` handlers that run next time: ${host.pendingHandlers.join(", ")}`;
  return `${host.outcome === "ok" ? "" : host.outcome.toUpperCase()}${pending}`.trim();
}

function totalText(event: RunFinished): string {
  const sum = (status: TaskStatus): number =>
    event.hosts.reduce((total, host) => total + host.counts[status], 0);
  const [changed, would, unknown] = [sum("changed"), sum("would-change"), sum("unknown")];
  const parts = [
    changed > 0 ? `${countOf(changed, "change")} made` : undefined,
    would > 0 ? `${countOf(would, "change")} would be made` : undefined,
    unknown > 0 ? `${unknown} can't be known before they run` : undefined,
  ].filter((part) => part !== undefined);
  const what = parts.length === 0 ? "nothing to change" : parts.join(", ");
  return `${what}; ${countOf(event.hosts.length, "host")} in ${formatDuration(event.durationMs)}`;
}

function retryLines({ retryFile }: RunFinished): string[] {
  return retryFile === undefined ? [] : [`the hosts that failed, for another try: --limit @${retryFile}`];
}

function stoppingText(reason: Stopping["reason"]): string {
  switch (reason) {
    case "interrupted":
      return "Stopping: each host finishes the step under way. Ctrl-C again stops at once; the next run finishes the job either way.";
    case "any-errors-fatal":
      return "Stopping: a host failed, and any_errors_fatal is set.";
    case "max-fail-percentage":
      return "Stopping: more hosts failed than max_fail_percentage allows; the rest is left untouched.";
    case "all-failed":
      return "Stopping: no host is left of those that the play was running on; what follows is left undone.";
  }
}

function hintLines(hint: string | undefined): string[] {
  return hint === undefined ? [] : [`    ${safeText(hint)}`];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
