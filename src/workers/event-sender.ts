import type { Event } from "../converge/event.ts";
import type { SentEvent, WorkerQueue } from "./queue.ts";

/** Events wait so long for others to travel with. */
const TOGETHER_MS = 100;

/** Sends what happens on a worker to the run, in order. */
export class EventSender {
  readonly #queue: WorkerQueue;
  readonly #runId: string;
  #pending: SentEvent[] = [];
  #place = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(queue: WorkerQueue, runId: string) {
    this.#queue = queue;
    this.#runId = runId;
  }

  add(event: Event): void {
    // The run says itself that it stops; and what a step prints from line to line is not worth the way.
    if (event.type === "task-progress" || event.type === "stopping") return;
    this.#place += 1;
    this.#pending.push({ from: this.#queue.number, place: this.#place, event });
    this.#timer ??= setTimeout(() => {
      // What could not be sent is told by the next one who waits for it.
      this.flush().catch(() => undefined);
    }, TOGETHER_MS);
  }

  /** Resolves when everything that was added has been sent. @throws Error as the database gives it */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#pending;
    this.#pending = [];
    this.#sending = this.#sending.then(() => this.#queue.addEvents(this.#runId, events));
    return this.#sending;
  }

  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
  }
}
