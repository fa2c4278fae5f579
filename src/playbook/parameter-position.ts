import type { SourceRange } from "../diagnostics/diagnostic.ts";
import { type PositionOptions, positionInside } from "../variables/position-inside.ts";
import type { Task } from "./playbook.ts";

/** What names a module and gives it parameters. */
export type Parameterised = Pick<Task, "module" | "parameters" | "at">;

/**
 * Where a parameter, or the part of it that `path` leads to, stands; with a scope, in the variables that it was made of. The task's own position
 * where nothing says more.
 */
export function parameterPosition(
  task: Parameterised,
  path: readonly (string | number)[],
  options: PositionOptions = {},
): SourceRange {
  const [first, ...rest] = path.map(String);
  const entry = task.parameters.find(({ key }) => key === first);
  if (entry === undefined) return task.at;
  if (rest.length === 0 && options.ofKey === true) return entry.keyAt ?? entry.value.at ?? task.at;
  return positionInside(entry.value, rest, options) ?? entry.keyAt ?? task.at;
}
