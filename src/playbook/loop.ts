import type { SourceRange } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import { Entries } from "./entries.ts";
import { conditions } from "./inherit.ts";
import type { Loop } from "./playbook.ts";
import { present } from "./present.ts";
import { isReserved, reservedName } from "./reserved-name.ts";
import { badVariableName, isVariableName } from "./variable-name.ts";

const CONTROLS = ["break_when", "extended", "extended_allitems", "index_var", "label", "loop_var", "pause"];

/** `loop` and `loop_control`; what is wrong with them is noted. */
export function loopOf(entries: Entries): Loop | undefined {
  const items = entries.filled("loop");
  if (items === undefined) {
    if (entries.value("loop_control") !== undefined) {
      entries.note({
        code: "missing-key",
        message: "`loop_control` needs a `loop`",
        at: entries.keyPosition("loop_control"),
      });
    }
    return undefined;
  }
  if (items.kind === "map" || (items.kind === "literal" && !Array.isArray(items.value))) {
    entries.wrong("loop", "a list, or a template that gives one");
  }
  const written = entries.value("loop_control");
  const plain: Loop = { items, variable: "item", extended: "no" };
  if (written === undefined) return plain;
  const control = entries.collect(
    () => new Entries(written, "`loop_control`", entries.positionOf("loop_control"), entries.problems),
  );
  if (control === undefined) return plain;
  control.knows(CONTROLS, "`loop_control`");
  const pause = control.number("pause");
  const isExtended = control.boolean("extended") === true;
  const hasAllItems = control.boolean("extended_allitems") !== false;
  return {
    items,
    variable: variableName(control, "loop_var") ?? "item",
    ...present("indexVariable", variableName(control, "index_var")),
    ...present("label", control.value("label")),
    ...present("pauseMs", pause === undefined ? undefined : pause * 1000),
    ...present("breakWhen", conditions(control, "break_when")),
    extended: isExtended ? (hasAllItems ? "yes" : "without-items") : "no",
  };
}

/** What happens between two items belongs to a task: the passes of blocks and includes are all known before the first of them. */
export function refuseBetweenItems(entries: Entries, { pauseMs, breakWhen }: Loop): void {
  for (const [key, value] of [
    ["pause", pauseMs],
    ["break_when", breakWhen],
  ] as const) {
    if (value === undefined) continue;
    entries.note({
      code: "unknown-key",
      message: `\`${key}\` can't be in the loop of a block or an include`,
      at: entries.positionOf("loop_control"),
      hint: "it belongs to the loop of a task",
    });
  }
}

/** A key that says under which name a variable is set: `register`, `loop_var`, `index_var`. */
export function variableName(entries: Entries, key: string): string | undefined {
  const value = entries.filled(key);
  const name = value === undefined ? undefined : literalOf(value);
  if (value === undefined) return undefined;
  const at: SourceRange = entries.positionOf(key);
  if (typeof name === "string" && isVariableName(name)) {
    // Those of a loop win over all others.
    if (key === "register" && isReserved(name)) entries.problems.push(reservedName(name, at));
    return name;
  }
  if (typeof name === "string") entries.note(badVariableName(name, at));
  else entries.wrong(key, "the name of a variable, without templates");
  return undefined;
}
