import type { Event, Stopping, TaskFinished, TaskReference } from "../converge/event.ts";
import { formatPosition } from "../diagnostics/diagnostic.ts";
import { renderDiagnostic } from "../diagnostics/render.ts";
import type { Paint } from "./colour.ts";
import { differenceLines } from "./difference-lines.ts";
import { safeJson, safeText } from "./safe-text.ts";
import { countOf, STATUS_WORDS } from "./words.ts";

export interface LineOptions {
  paint: Paint;
  diff: boolean;
  verbosity: number;
}

/** An event as lines for a person; none for what is not worth a line. The end of a run is told by recap-lines.ts. */
export function eventLines(event: Event, options: LineOptions): string[] {
  const { paint } = options;
  switch (event.type) {
    case "play-started":
      return [
        "",
        `${paint("bold", `PLAY ${safeText(event.name)}`)}  (${countOf(event.hosts.length, "host")})`,
      ];
    case "host-unreachable":
      return [
        `${paint("bold", safeText(event.host))}  ${paint("red", event.code === "locked" ? "LOCKED" : "UNREACHABLE")}  ${safeText(event.message)}`,
        ...hintLines(event.hint),
      ];
    case "task-finished":
      return finishedLines(event, options);
    case "handlers-started":
      return event.leftOver.length === 0
        ? []
        : [
            `${paint("bold", safeText(event.host))}  handlers left by an interrupted run: ${safeText(event.leftOver.join(", "))}`,
          ];
    case "warning":
      return [
        paint(
          "yellow",
          `warning: ${event.host === undefined ? "" : `${safeText(event.host)}: `}${safeText(event.message)}`,
        ),
      ];
    case "stopping":
      return [paint("yellow", stoppingText(event.reason))];
    case "run-started":
      return event.checkMode ? ["Check mode: nothing will be changed."] : [];
    default:
      return [];
  }
}

function finishedLines(event: TaskFinished, { paint, diff, verbosity }: LineOptions): string[] {
  const quiet = event.status === "ok" || event.status === "skipped";
  if (tells(event) ? Number(event.data?.["verbosity"] ?? 0) > verbosity : quiet && verbosity === 0) return [];
  const { word, colour } = STATUS_WORDS[event.status];
  const head = `${paint("bold", safeText(event.host))}  ${paint(colour, word)}  ${taskTitle(event.task)}`;
  const failed = event.status === "failed";
  const [message = "", ...more] = event.message.split("\n");
  const lines = [
    `${head}${message === "" ? "" : `: ${safeText(message)}`}`,
    ...indent(more.map((line) => safeText(line))),
  ];
  if (failed) lines.push(`    at ${safeText(formatPosition(event.task.at))}`);
  if (failed && event.diagnostics !== undefined) {
    lines.push(
      ...event.diagnostics.flatMap((diagnostic) => indent(renderDiagnostic(diagnostic).split("\n"))),
    );
  } else lines.push(...hintLines(event.hint));
  if (diff)
    lines.push(...indent(event.differences.flatMap((difference) => differenceLines(difference, paint))));
  if (verbosity >= 2 && event.data !== null) lines.push(...indent(safeJson(event.data, 2).split("\n")));
  return lines;
}

/** `debug` is there to be read. */
function tells(event: TaskFinished): boolean {
  return event.task.module === "debug" && event.status === "ok";
}

/** `role : name => item`. */
export function taskTitle(task: TaskReference): string {
  const item = task.item === undefined ? "" : ` => ${safeText(task.item.label)}`;
  const delegated = task.delegatedTo === undefined ? "" : ` -> ${safeText(task.delegatedTo)}`;
  return `${task.role === undefined ? "" : `${safeText(task.role)} : `}${safeText(task.name)}${item}${delegated}`;
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
    case "bad-input":
      return "Stopping: something that is written for a host can't be; the other hosts finish the step under way.";
    case "defect":
      return "Stopping: a defect of Plumb; the other hosts finish the step under way.";
  }
}

function hintLines(hint: string | undefined): string[] {
  return hint === undefined ? [] : [`    ${safeText(hint)}`];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}
