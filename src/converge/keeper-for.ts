import type { NeededChange } from "../modules/change.ts";
import type { Step } from "../modules/step.ts";
import type { Subject } from "../modules/subject.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import { type Keeper, keeper, subjectsOf } from "./keeper.ts";
import type { Prepared } from "./prepare.ts";

/** What a change is called in what is kept for an undo. */
interface KeptAs {
  title: string;
  /** Whoever wrote the task knows that there is nothing to be undone where the module can't say. */
  onlyLooks: boolean;
}

/** Keeps what a change replaces on a host; undefined where nothing is kept. */
export function keeperFor(
  context: HostContext,
  session: HostSession,
  { module, input, user }: Prepared,
  change: NeededChange,
  steps: readonly Step[],
  { title, onlyLooks }: KeptAs,
): Keeper | undefined {
  if (session.journal === undefined) return undefined;
  session.noteKeeping(user);
  const subjects = subjectsOf(module, input, change, steps).flatMap((subject): Subject[] => {
    if (subject.kind !== "lost") return [subject];
    return onlyLooks ? [] : [{ ...subject, what: context.secrets.redact(subject.what) }];
  });
  // The oldest run must not go because of what undoing it keeps.
  const runs = session.journal.runs + (module.name === "rollback" ? 1 : 0);
  return keeper({
    journal: { ...session.journal, runs },
    subjects,
    task: title,
    holdsSecret: (text) => context.secrets.appearsIn(text),
    nextNumber: () => session.nextNumber(),
  });
}
