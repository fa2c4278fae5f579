import type { SourceRange } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import { Entries } from "./entries.ts";
import type { Loop } from "./playbook.ts";
import { present } from "./present.ts";
import { badVariableName, isVariableName } from "./variable-name.ts";

const CONTROLS = ["extended", "index_var", "label", "loop_var", "pause"];

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
  if (written === undefined) return { items, variable: "item" };
  const control = entries.collect(
    () => new Entries(written, "`loop_control`", entries.positionOf("loop_control"), entries.problems),
  );
  if (control === undefined) return { items, variable: "item" };
  control.knows(CONTROLS, "`loop_control`");
  const pause = control.number("pause");
  return {
    items,
    variable: variableName(control, "loop_var") ?? "item",
    ...present("indexVariable", variableName(control, "index_var")),
    ...present("label", control.value("label")),
    ...present("pauseMs", pause === undefined ? undefined : pause * 1000),
  };
}

/** A key that says under which name a variable is set: `register`, `loop_var`, `index_var`. */
export function variableName(entries: Entries, key: string): string | undefined {
  const value = entries.filled(key);
  const name = value === undefined ? undefined : literalOf(value);
  if (value === undefined) return undefined;
  if (typeof name === "string" && isVariableName(name)) return name;
  const at: SourceRange = entries.positionOf(key);
  entries.note(badVariableName(typeof name === "string" ? name : key, at));
  return undefined;
}
