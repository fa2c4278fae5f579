import type { Event, TaskReference } from "../converge/event.ts";
import { noCounts } from "../converge/no-counts.ts";
import type { Elsewhere, HostWork } from "../fleet/elsewhere.ts";
import type { PlayRun } from "../fleet/run-play.ts";
import { databaseTrouble } from "../postgresql/connect-database.ts";
import type { RunSpecification, WorkerQueue } from "./queue.ts";
import { type ReadLater, reasonToStay } from "./stays-here.ts";

export interface PoolOptions {
  queue: WorkerQueue;
  runId: string;
  specification: RunSpecification;
  /** Files of variables and templates of the run. */
  files: readonly ReadLater[];
  emit(event: Event): void;
  /** Second Ctrl-C. */
  aborting: AbortSignal;
}

/** So long nobody may take anything before a person is told. */
const NOBODY_MS = 15_000;

/** Gives the work of hosts to workers, and hears what comes of it. The run itself (batches, gates, what ends them, the record, the view) is this process's. */
export class WorkerPool implements Elsewhere {
  readonly #options: PoolOptions;
  readonly #before: PlayRun[] = [];
  readonly #taken = new Map<number, boolean>();
  readonly #batches = new Map<readonly string[], { number: number; added: Promise<void> }>();
  readonly #waiting = new Map<string, (work: HostWork) => void>();
  /** What was told of a host in attempts that came to nothing: its changes have happened all the same. */
  readonly #changed = new Map<string, number>();
  /** The changes that a host was told to have begun, until they were told to have ended: by task and item, their names. */
  readonly #begun = new Map<string, Map<string, string>>();
  #listening: Promise<void> | undefined;
  #isStopping = false;
  #lastNews = performance.now();
  #isOver = false;

  private constructor(options: PoolOptions) {
    this.#options = options;
    options.aborting.addEventListener("abort", () => {
      options.queue.hurry();
      void this.#stop("hard");
    });
  }

  static async open(options: PoolOptions): Promise<WorkerPool> {
    await options.queue.beginRun(options.runId, options.specification);
    return new WorkerPool(options);
  }

  takes(play: PlayRun): boolean {
    const known = this.#taken.get(play.number);
    if (known !== undefined) return known;
    const reason = reasonToStay(play, this.#before, this.#options.files);
    this.#before.push(play);
    this.#taken.set(play.number, reason === undefined);
    if (reason !== undefined)
      this.#warn(`the play ${play.play.name} is run here, and not by workers: ${reason}`);
    return reason === undefined;
  }

  async work(
    play: PlayRun,
    { hosts, failed }: { hosts: readonly string[]; failed: readonly string[] },
    host: string,
    stopping: AbortSignal,
  ): Promise<HostWork> {
    let batch = this.#batches.get(hosts);
    if (batch === undefined) {
      const number = this.#batches.size;
      const added = this.#options.queue.addBatch(this.#options.runId, {
        number,
        play: play.number,
        hosts,
        failed,
      });
      added.catch((error: unknown) => this.#lose(error));
      batch = { number, added };
      this.#batches.set(hosts, batch);
      this.#lastNews = performance.now();
      stopping.addEventListener("abort", () => void this.#stop("soft"));
    }
    const done = new Promise<HostWork>((resolve) => {
      this.#waiting.set(keyOf(batch.number, host), resolve);
    });
    this.#listening ??= this.#listen().catch((error: unknown) => this.#lose(error));
    return done;
  }

  async #listen(): Promise<void> {
    const { queue, runId, emit } = this.#options;
    while (!this.#isOver) {
      const { events, results } = await queue.takeResults(runId);
      for (const event of events) {
        this.#count(event);
        emit(event);
      }
      for (const { batch, host, work } of results)
        this.#settle(keyOf(batch, host), this.#withLost(host, work));
      if (events.length > 0 || results.length > 0) this.#lastNews = performance.now();
      if (this.#isStopping && this.#waiting.size > 0) await queue.takeBack(runId, nothingDone("interrupted"));
      else if (this.#waiting.size > 0 && performance.now() - this.#lastNews > NOBODY_MS && !this.#hasWarned) {
        this.#hasWarned = true;
        this.#warn(
          `no worker has told anything for ${NOBODY_MS / 1000} s: \`plumb worker\` starts one, in a checkout of the same files`,
        );
      }
      await queue.news();
    }
  }

  #hasWarned = false;

  /** Counts what hosts have been told to have changed, so that what a dead worker did is in the recap. */
  #count(event: Event): void {
    if (event.type === "task-started") {
      const begun = this.#begun.get(event.host) ?? new Map<string, string>();
      this.#begun.set(event.host, begun.set(passOf(event.task), event.task.name));
    }
    if (event.type === "task-finished") this.#begun.get(event.host)?.delete(passOf(event.task));
    if (event.type === "host-unreachable") this.#begun.delete(event.host);
    if (event.type === "host-connected") this.#tellOfUnfinished(event.host);
    if (event.type !== "task-finished" || event.status !== "changed") return;
    this.#changed.set(event.host, (this.#changed.get(event.host) ?? 0) + 1);
  }

  /** Another worker begins where one has gone in the middle of something. */
  #tellOfUnfinished(host: string): void {
    const names = [...new Set(this.#begun.get(host)?.values())].map((name) => `\`${name}\``);
    this.#begun.delete(host);
    if (names.length === 0) return;
    this.#options.emit({
      type: "warning",
      time: new Date().toISOString(),
      host,
      message: `a worker went in the middle of ${names.join(", ")}: how far it got, nobody has heard; what is still out of true is set right now`,
    });
  }

  /** The counts of the worker that came to the end, and the changes of those that did not. */
  #withLost(host: string, work: HostWork): HostWork {
    const told = this.#changed.get(host) ?? 0;
    this.#changed.delete(host);
    return told > work.counts.changed ? { ...work, counts: { ...work.counts, changed: told } } : work;
  }

  #settle(key: string, work: HostWork): void {
    this.#waiting.get(key)?.(work);
    this.#waiting.delete(key);
  }

  async #stop(how: "soft" | "hard"): Promise<void> {
    this.#isStopping = true;
    await this.#options.queue.stopRun(this.#options.runId, how).catch((error: unknown) => this.#lose(error));
    this.#options.queue.wake();
  }

  /** The database is lost for good, and with it all news of hosts. Workers notice that this run is gone, and stop behind the step under way. */
  #lose(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const message = `the queue was lost while a worker had the host: ${databaseTrouble(error)}`;
    for (const [key, resolve] of this.#waiting) {
      const host = key.slice(key.indexOf("\0") + 1);
      this.#options.emit({
        type: "host-unreachable",
        time: new Date().toISOString(),
        host,
        code: "connection-lost",
        message,
        hint: "run it again",
      });
      resolve(nothingDone("unreachable"));
    }
    this.#waiting.clear();
  }

  #warn(message: string): void {
    this.#options.emit({ type: "warning", time: new Date().toISOString(), message });
  }

  /** The run is over. */
  async close(): Promise<void> {
    const wasLost = this.#isOver;
    this.#isOver = true;
    this.#options.queue.giveUp();
    this.#options.queue.wake();
    await this.#listening;
    if (!wasLost) await this.#options.queue.endRun(this.#options.runId).catch(() => undefined);
    this.#options.queue.end();
  }
}

const nothingDone = (end: HostWork["end"]): HostWork => ({
  end,
  isFatal: false,
  counts: noCounts(),
  pendingHandlers: [],
  durationMs: 0,
});

const passOf = ({ taskId, item }: TaskReference): string => `${taskId}\0${item?.index ?? ""}`;

const keyOf = (batch: number, host: string): string => `${batch}\0${host}`;
