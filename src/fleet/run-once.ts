import type { TaskEnd } from "../converge/task-result.ts";

/** `run_once`: one host of a batch runs the task, the others wait for its result and take it for theirs. */
export class RunOnce {
  readonly #ends = new Map<string, Promise<TaskEnd>>();

  /** Whether a host has begun. */
  has(taskId: string): boolean {
    return this.#ends.has(taskId);
  }

  once(taskId: string, run: () => Promise<TaskEnd>): Promise<TaskEnd> {
    let end = this.#ends.get(taskId);
    if (end === undefined) {
      end = run();
      this.#ends.set(taskId, end);
    }
    return end;
  }
}
