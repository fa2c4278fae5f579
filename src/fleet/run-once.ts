import type { TaskEnd } from "../converge/task-result.ts";

/**
 * `run_once`: the first host of a batch that gets there runs the task, the others wait for its result and take it for theirs.
 */
export class RunOnce {
  readonly #ends = new Map<string, Promise<TaskEnd>>();

  once(taskId: string, run: () => Promise<TaskEnd>): Promise<TaskEnd> {
    let end = this.#ends.get(taskId);
    if (end === undefined) {
      end = run();
      this.#ends.set(taskId, end);
    }
    return end;
  }
}
