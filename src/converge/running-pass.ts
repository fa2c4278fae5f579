import type { Task } from "../playbook/playbook.ts";
import type { Upcoming } from "./ask-ahead.ts";
import type { HostContext } from "./host-context.ts";
import type { HostSession } from "./host-session.ts";
import type { Pass } from "./passes.ts";
import type { ReportedPass } from "./report-task.ts";

/** Where a task stands: what its failure means, and what is asked ahead with it. */
export interface TaskPlace {
  upcoming: Upcoming;
  /** The tasks that follow it directly: an include in between ends them, and a block that says what happens when they fail. */
  following(): Iterable<Task>;
  /** A `rescue` takes over when it fails. */
  rescued: boolean;
  handler: boolean;
}

/** One pass under way. */
export interface RunningPass extends ReportedPass {
  context: HostContext;
  session: HostSession;
  pass: Pass;
  place: TaskPlace;
  /** An item before this one has failed, so that no task comes after this loop. */
  isLast: boolean;
  /** Which try of `until` it is, from 1 on. */
  attempt: number;
  /** What the tries before have left of `timeout`; undefined before the first one, and without it. */
  leftMs?: number;
  /** Steps were begun that may have changed something. */
  hasActed: boolean;
  /** Handlers that it has notified. */
  notified: string[];
  /** Of these, the ones that nobody had notified before. */
  newlyNotified: string[];
}
