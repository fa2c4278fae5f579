import { createInterface, type Interface } from "node:readline";
import type { Task } from "../playbook/playbook.ts";
import { namesOf } from "../playbook/start-at-task.ts";
import { safeText } from "../views/safe-text.ts";

/** Somebody who answers questions of `--step`. */
export interface StepQuestions {
  wants(task: Task): Promise<boolean>;
  close(): void;
}

/**
 * `--step`: asks before each task, one question at a time; `c` runs all the rest without asking. Where nobody answers any more, nothing more is run.
 *
 * @param stopping Ctrl-C: the task that is asked about does not run.
 */
export function askStep(stopping: AbortSignal): StepQuestions {
  const answers = new Answers(stopping);
  let last: Promise<unknown> = Promise.resolve();
  let isAsking = true;
  const ask = async (task: Task): Promise<boolean> => {
    if (!isAsking) return true;
    process.stderr.write(`Run ${safeText(namesOf(task)[0] ?? task.module)}? (n)o, (y)es, (c)ontinue: `);
    const answer = (await answers.next()).trim().toLowerCase();
    if (answer === "c" || answer === "continue") isAsking = false;
    return !isAsking || answer === "y" || answer === "yes";
  };
  return {
    wants: (task) => {
      const answer = last.then(() => ask(task));
      last = answer;
      return answer;
    },
    close: () => answers.close(),
  };
}

/** Lines of standard input, read from the first question on; what was typed ahead answers the questions to come. */
class Answers {
  readonly #stopping: AbortSignal;
  readonly #typed: string[] = [];
  #lines: Interface | undefined;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
    stopping.addEventListener("abort", () => this.#end());
  }

  /** The next line; "n" when there is none. */
  async next(): Promise<string> {
    if (this.#lines === undefined && !this.#stopping.aborted) {
      // Not a terminal to readline: Ctrl-C stays a signal.
      this.#lines = createInterface({ input: process.stdin, terminal: false });
      this.#lines.on("line", (line) => {
        this.#typed.push(line);
        this.#wake();
      });
      this.#lines.on("close", () => this.#end());
    }
    while (this.#typed.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#typed.shift() ?? "n";
  }

  close(): void {
    this.#lines?.close();
  }

  #end(): void {
    this.#isOver = true;
    this.#wake();
  }
}
