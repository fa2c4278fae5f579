import type { NeededChange } from "../modules/change.ts";
import type { Step } from "../modules/step.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import { type Prepared, situation } from "./prepare.ts";

/** The steps of a change, as they are about to be done: what is random in them is drawn now. */
export function stepsOf(
  context: HostContext,
  session: HostSession,
  { module, input, modes }: Prepared,
  change: NeededChange,
): readonly Step[] {
  return module
    .steps(change, input, situation(context, session, modes))
    .flatMap((step) => (step.kind === "random" ? step.make() : [step]));
}
