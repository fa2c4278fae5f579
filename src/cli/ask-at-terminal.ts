import type { Secrets } from "../diagnostics/secrets.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { present } from "../playbook/present.ts";
import { askPause } from "./ask-pause.ts";
import { askStep } from "./ask-step.ts";
import { TypedLines } from "./typed-lines.ts";

/** Everything that a person may be asked in the middle of a run, on one terminal. */
export function askAtTerminal(how: {
  step: boolean;
  stopping: AbortSignal;
  secrets: Secrets;
  /** Called before the first question that is not of `--step`. */
  beforeFirst(): Promise<void>;
}): Pick<RunOptions, "wants" | "ask"> & { close(): void } {
  const typed = new TypedLines(how.stopping);
  return {
    ...(how.step ? { wants: askStep(typed) } : {}),
    ...present("ask", askPause(typed, how.stopping, how.secrets, how.beforeFirst)),
    close: () => typed.close(),
  };
}
