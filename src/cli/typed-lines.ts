import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";

/** One question to the person at the terminal. */
export interface Asked {
  /** Written as it is, without a line end. */
  prompt: string;
  /** Whether what is typed can be seen. */
  echo: boolean;
  /** Nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

/**
 * Lines of standard input, for questions in the middle of a run: one question at a time, whoever asks. Input is read from the first question on; what was typed
 * ahead answers the questions to come.
 */
export class TypedLines {
  readonly #stopping: AbortSignal;
  readonly #typed: string[] = [];
  #lines: Interface | undefined;
  #isOver = false;
  #wake: () => void = () => undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param stopping Ctrl-C: nobody is asked any more. */
  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
    stopping.addEventListener("abort", () => this.#end());
  }

  /** @returns undefined when there is no answer: input has ended, or nobody waits for it any more. */
  ask(asked: Asked): Promise<string | undefined> {
    return this.inTurn(() => this.#answer(asked));
  }

  /** Does something that asks, when what was asked before has its answer. */
  inTurn<Type>(act: () => Promise<Type>): Promise<Type> {
    const answer = this.#last.then(act);
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Asks at once: for who has the turn. */
  async #answer({ prompt, echo, signal }: Asked): Promise<string | undefined> {
    if (signal?.aborted === true || this.#isOver) return undefined;
    if (!echo) return this.#hidden(prompt, signal);
    process.stderr.write(prompt);
    return this.next(signal);
  }

  /** The next line; undefined when there is none. */
  async next(signal?: AbortSignal): Promise<string | undefined> {
    if (this.#lines === undefined && !this.#stopping.aborted) this.#open();
    const wake = (): void => this.#wake();
    signal?.addEventListener("abort", wake);
    while (this.#typed.length === 0 && !this.#isOver && signal?.aborted !== true) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    signal?.removeEventListener("abort", wake);
    return this.#typed.shift();
  }

  close(): void {
    this.#lines?.close();
  }

  #open(): void {
    // Not a terminal to readline: Ctrl-C stays a signal.
    const lines = createInterface({ input: process.stdin, terminal: false });
    lines.on("line", (line) => {
      this.#typed.push(line);
      this.#wake();
    });
    lines.on("close", () => {
      if (this.#lines === lines) this.#end();
    });
    this.#lines = lines;
  }

  /** A line that the terminal does not show. In this mode Ctrl-C is a character, so the signal is given here. */
  #hidden(prompt: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const before = this.#lines;
    this.#lines = undefined;
    before?.close();
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
    // Not before: whoever types fast would see the beginning.
    process.stderr.write(prompt);
    return new Promise((resolve) => {
      const end = (answer: string | undefined): void => {
        signal?.removeEventListener("abort", stop);
        this.#stopping.removeEventListener("abort", stop);
        resolve(answer);
        lines.close();
        process.stderr.write("\n");
      };
      const stop = (): void => end(undefined);
      signal?.addEventListener("abort", stop);
      this.#stopping.addEventListener("abort", stop);
      lines.on("SIGINT", () => {
        process.kill(process.pid, "SIGINT");
      });
      lines.on("close", stop);
      lines.question("", end);
    });
  }

  #end(): void {
    this.#isOver = true;
    this.#wake();
  }
}
