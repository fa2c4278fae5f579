import type { TaskCounts } from "../converge/event.ts";
import type { HostEnd } from "../converge/stop-host.ts";
import type { TransportCounters } from "../transport/transport.ts";
import type { PlayRun } from "./run-play.ts";

/** What came of one host in one play. */
export interface HostWork {
  end: HostEnd;
  /** Its failure ends the play for all: `any_errors_fatal`. */
  isFatal: boolean;
  counts: TaskCounts;
  pendingHandlers: readonly string[];
  durationMs: number;
  counters?: TransportCounters;
}

/** Who does the work of hosts in the place of this process. Batches, and what ends them, stay here. */
export interface Elsewhere {
  /** Whether a play can be given away. */
  takes(play: PlayRun): boolean;
  /**
   * Does the work of one host in a play. Events come through the run's own sink before it ends.
   *
   * @param batch all hosts of its batch, and those that are out of the run.
   * @param stopping the run is being stopped: what has not begun must not begin.
   */
  work(
    play: PlayRun,
    batch: { hosts: readonly string[]; failed: readonly string[] },
    host: string,
    stopping: AbortSignal,
  ): Promise<HostWork>;
}
