import { joinLines, linesOf } from "./edited-file.ts";

/** Ansible's own marker: a crontab that it has written goes on to be managed. */
const MARK = "#Ansible: ";

/** A crontab with this job under its name: where it stands already, otherwise at the end. */
export function withJob(text: string, name: string, job: string): string {
  const lines = linesOf(text);
  const at = lines.indexOf(MARK + name);
  if (at === -1) return joinLines([...lines, MARK + name, job]);
  return joinLines([...lines.slice(0, at + 1), job, ...withoutJobs(lines.slice(jobEnd(lines, at)), name)]);
}

export function withoutJob(text: string, name: string): string {
  const lines = linesOf(text);
  return lines.includes(MARK + name) ? joinLines(withoutJobs(lines, name)) : text;
}

/** The line behind the marker is the job, unless it was taken away by hand and the next marker follows. */
function jobEnd(lines: readonly string[], at: number): number {
  const next = lines[at + 1];
  return next === undefined || next.startsWith(MARK) || next.trim() === "" ? at + 1 : at + 2;
}

function withoutJobs(lines: readonly string[], name: string): string[] {
  const kept: string[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    if (line === MARK + name) index = jobEnd(lines, index) - 1;
    else kept.push(line);
  }
  return kept;
}

/** Where a variable that is new goes; without a place, to the top, so that it counts for all jobs. */
export interface VariablePlace {
  after?: string | undefined;
  before?: string | undefined;
}

/** @returns undefined when the variable of `place` is not there. */
export function withVariable(
  text: string,
  name: string,
  value: string,
  place: VariablePlace,
): string | undefined {
  const lines = linesOf(text);
  const line = `${name}="${value}"`;
  const indexOf = (variable: string): number => lines.findIndex((one) => isVariable(one, variable));
  const at = indexOf(name);
  if (at !== -1) {
    const same = /^[^=]*=\s*(["']?)(.*)\1\s*$/.exec(lines[at] ?? "")?.[2] === value;
    return joinLines(
      lines.flatMap((one, index) =>
        index === at ? [same ? one : line] : isVariable(one, name) ? [] : [one],
      ),
    );
  }
  const anchor = place.after ?? place.before;
  const found = anchor === undefined ? 0 : indexOf(anchor);
  if (found === -1) return undefined;
  lines.splice(place.after === undefined ? found : found + 1, 0, line);
  return joinLines(lines);
}

export function withoutVariable(text: string, name: string): string {
  const lines = linesOf(text);
  const kept = lines.filter((line) => !isVariable(line, name));
  return kept.length === lines.length ? text : joinLines(kept);
}

const isVariable = (line: string, name: string): boolean =>
  /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line)?.[1] === name;

/** Whether nothing is left that cron would do. */
export function isIdle(text: string): boolean {
  return linesOf(text).every((line) => line.trim() === "" || line.trimStart().startsWith("#"));
}
