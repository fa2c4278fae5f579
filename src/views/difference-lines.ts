import { structuredPatch } from "diff";
import { REDACTED } from "../diagnostics/secrets.ts";
import type { Difference } from "../modules/change.ts";
import type { Paint } from "./colour.ts";
import { safeText } from "./safe-text.ts";

/** More changed lines than this are not compared line by line: that would take seconds. */
const MOST_EDITS = 500;
const CONTEXT_LINES = 3;

/** What is not as wanted, for a person: `name: before -> after`, and texts as a unified diff. */
export function differenceLines(difference: Difference, paint: Paint): string[] {
  return difference.kind === "field" ? [fieldLine(difference, paint)] : textLines(difference, paint);
}

function fieldLine(difference: Extract<Difference, { kind: "field" }>, paint: Paint): string {
  if (difference.secret === true) return `${safeText(difference.name)}: ${REDACTED} -> ${REDACTED}`;
  const before = paint("red", safeText(difference.before ?? "(none)"));
  const after = paint("green", safeText(difference.after ?? "(none)"));
  return `${safeText(difference.name)}: ${before} -> ${after}`;
}

function textLines(difference: Extract<Difference, { kind: "text" }>, paint: Paint): string[] {
  const { before, after } = difference;
  // A path may hold line ends; what follows one would be taken for a line of the difference.
  const name = safeText(difference.name);
  if (difference.secret === true) return [`${name}: content differs (secret, not shown)`];
  if (difference.beforeUnread === true)
    return [`${name}: content differs (not shown: too large, binary, or not asked for)`];
  const lines = [paint("red", `--- ${name} (now)`), paint("green", `+++ ${name} (wanted)`)];
  const patch = structuredPatch(name, name, before ?? "", after ?? "", undefined, undefined, {
    context: CONTEXT_LINES,
    maxEditLength: MOST_EDITS,
  });
  if (patch === undefined)
    return [...lines, `rewritten: ${countLines(before)} lines become ${countLines(after)}`];
  for (const hunk of patch.hunks) {
    lines.push(paint("cyan", `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`));
    lines.push(...hunk.lines.map((line) => paintLine(safeText(line), paint)));
  }
  return lines;
}

function paintLine(line: string, paint: Paint): string {
  if (line.startsWith("+")) return paint("green", line);
  return line.startsWith("-") ? paint("red", line) : line;
}

function countLines(text: string | undefined): number {
  return text === undefined || text === "" ? 0 : text.split("\n").length;
}
