import { formatPosition, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { WhyTask, WhyTaskAnswer } from "../fleet/why-task.ts";
import type { LevelOfVariable, WhyVariable } from "../fleet/why-variable.ts";
import type { Value } from "../variables/value.ts";
import type { Paint } from "./colour.ts";
import { differenceLines } from "./difference-lines.ts";
import { safeJson, safeText } from "./safe-text.ts";
import { tableLines } from "./table.ts";

const LONGEST_VALUE = 200;

const place = (at: SourceRange): string => safeText(formatPosition(at));

/** Which level wins, and below it those that it beat, each with its place. */
export function whyVariableLines({ host, name, wins, beats }: WhyVariable, paint: Paint): string[] {
  const rows = [wins, ...beats].map((level, index) => [
    index === 0 ? paint("green", "wins ") : paint("gray", "beats"),
    levelValue(level),
    safeText(level.level),
    level.at === undefined ? "" : place(level.at),
  ]);
  const written = wins.written === undefined ? [] : [`it is written as ${safeText(wins.written)}`];
  return [
    paint("bold", safeText(`${name} on ${host}`)),
    ...tableLines(rows).map((line) => `  ${line}`),
    ...written,
  ];
}

function levelValue({ value, unknown }: LevelOfVariable): string {
  return value === undefined ? `(${safeText(unknown ?? "not known")})` : shown(value);
}

function shown(value: Value): string {
  const text = safeJson(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

/** Each task of the name: whether it takes part, its conditions with what is in them, and what the check found. */
export function whyTaskLines({ host, tasks, unreachable }: WhyTaskAnswer, paint: Paint): string[] {
  const lines = tasks.flatMap((task) => [...linesOfTask(task, host, unreachable !== undefined, paint), ""]);
  if (unreachable === undefined) return lines.slice(0, -1);
  const hint = unreachable.hint === undefined ? "" : `; ${safeText(unreachable.hint)}`;
  return [
    ...lines,
    paint("red", `${safeText(`${host} could not be looked at: ${unreachable.message}`)}${hint}`),
  ];
}

function linesOfTask(task: WhyTask, host: string, isUnreachable: boolean, paint: Paint): string[] {
  const lines = [
    `${paint("bold", safeText(task.name))}  ${safeText(task.module)}  ${place(task.at)}`,
    `  hosts  ${task.hostTakesPart ? `${safeText(host)} is in the play` : paint("yellow", `${safeText(host)} is not in the play, so it never runs there`)}: ${safeText(task.play)}`,
  ];
  const tags = task.tags.length === 0 ? "it has none" : safeText(task.tags.join(", "));
  if (!task.selected) lines.push(`  tags   ${paint("yellow", "the tags leave it out")}: ${tags}`);
  else if (task.tags.length > 0) lines.push(`  tags   ${tags}`);
  for (const { source, at, holds, names } of task.conditions) {
    const colour = holds === true ? "green" : holds === false ? "yellow" : "gray";
    lines.push(`  when   ${safeText(source)}  ${paint(colour, safeText(String(holds)))}  ${place(at)}`);
    for (const { name, value, unknown, at: set } of names) {
      const is = value === undefined ? `(${safeText(unknown ?? "not known")})` : shown(value);
      lines.push(`           ${safeText(name)} = ${is}${set === undefined ? "" : `  ${place(set)}`}`);
    }
  }
  for (const { status, message, hint, differences, task: reference } of task.found) {
    const item = reference.item === undefined ? "" : `${safeText(reference.item.label)}: `;
    const colour = status === "ok" ? "green" : status === "failed" ? "red" : "yellow";
    lines.push(`  check  ${item}${paint(colour, WORDS[status])}: ${safeText(message)}`);
    if (hint !== undefined) lines.push(`           ${safeText(hint)}`);
    for (const difference of differences)
      lines.push(...differenceLines(difference, paint).map((line) => `           ${line}`));
  }
  if (task.found.length === 0 && task.hostTakesPart && task.selected && !isUnreachable)
    lines.push(
      "  check  it never came to its turn: a task before it failed, or what it stands in was skipped",
    );
  return lines;
}

const WORDS: Readonly<Record<WhyTask["found"][number]["status"], string>> = {
  ok: "nothing to do",
  changed: "changed",
  "would-change": "would change",
  unknown: "can't be known before a run",
  failed: "would fail",
  ignored: "would fail, and that is ignored",
  rescued: "would fail, and be rescued",
  skipped: "would be skipped",
};
