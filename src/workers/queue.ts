import type pg from "pg";
import type { Event } from "../converge/event.ts";
import type { HostWork } from "../fleet/elsewhere.ts";
import type { DigestedParts } from "../plans/plan.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import {
  CHANNEL,
  type ConnectionNews,
  LOCKS,
  QueueConnection,
  type QueueLimits,
} from "./queue-connection.ts";

/** What workers need to know of a run: where its input is, and that it is the same. No password and no variable's value. */
export interface RunSpecification {
  version: string;
  playbooks: readonly string[];
  options: Record<string, unknown>;
  checkMode: boolean;
  diffMode: boolean;
  verbosity: number;
  salt: string;
  inputs: DigestedParts;
}

/** A host of a batch that a worker has taken. */
export interface Job {
  id: string;
  runId: string;
  play: number;
  hosts: readonly string[];
  failed: readonly string[];
  host: string;
  /** 1, and more when the worker that had it before is gone. */
  attempt: number;
}

/** An event on its way to the run. Of one that was sent twice, because nobody knew whether it had arrived, the second is dropped. */
export interface SentEvent {
  /** Who sends, and the how many-th it is. */
  from: number;
  place: number;
  event: Event;
}

/** A run that workers may take part in. */
export interface ActiveRun {
  runId: string;
  stopping: "soft" | "hard" | null;
  /** Its process is there. Otherwise the database has been away, and it is about to come back. */
  isThere: boolean;
}

/** So long nobody is taken for gone after the database was away: all come back one by one. More than an attempt to connect takes. */
const RETURN_SECONDS = 15;

/** Whether somebody with this number is there: an advisory lock ends with the connection that holds it. */
const there = (number: string): string =>
  `exists (select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
     and classid = ${LOCKS} and objid = ${number} and objsubid = 2 and granted)`;

/** The queue that runs and workers share, through one connection. All that it does throws Error as `pg` gives it, and bears to be done twice. */
export class WorkerQueue {
  readonly #connection: QueueConnection;
  /** The last event that was taken from each who sends. */
  readonly #places = new Map<number, number>();
  #hasNews = false;
  #wake: (() => void) | undefined;

  private constructor(connection: QueueConnection) {
    this.#connection = connection;
  }

  /** Connects, and is there for others to see until the connection ends. */
  static async open(
    address: DatabaseAddress,
    name: string,
    news: Pick<ConnectionNews, "away" | "back">,
    limits?: QueueLimits,
  ): Promise<WorkerQueue> {
    let queue: WorkerQueue | undefined;
    const notified = (): void => queue?.wake();
    const connection = await QueueConnection.open(address, name, { ...news, notified }, limits);
    queue = new WorkerQueue(connection);
    return queue;
  }

  get number(): number {
    return this.#connection.number;
  }

  #query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.#connection.query<Row>(text, values);
  }

  #notify(): Promise<unknown> {
    return this.#query(`notify ${CHANNEL}`);
  }

  /** Whether somebody is gone for good. */
  #gone(number: string): string {
    const { backAt } = this.#connection;
    if (backAt !== undefined && performance.now() - backAt < RETURN_SECONDS * 1_000) return "false";
    return `(pg_postmaster_start_time() < now() - interval '${RETURN_SECONDS} seconds' and not ${there(number)})`;
  }

  /** Resolves when something may have happened since it was last asked, after a second at the latest. */
  async news(): Promise<void> {
    if (!this.#hasNews) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#hasNews = false;
  }

  /** Ends a wait for news. */
  wake(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Waits no more for a database that is away. */
  giveUp(): void {
    this.#connection.giveUp();
  }

  /** The same, and not long for an answer either. */
  hurry(): void {
    this.#connection.hurry();
  }

  end(): void {
    this.#connection.end();
  }

  // What the run does.

  /** Clears away runs whose process is gone, and begins one. */
  async beginRun(runId: string, specification: RunSpecification): Promise<void> {
    await this.#query(`delete from plumb.worker_run where ${this.#gone("number")}`);
    await this.#query(
      "insert into plumb.worker_run (run_id, number, specification) values ($1, $2, $3) on conflict do nothing",
      [runId, this.number, JSON.stringify(specification)],
    );
    await this.#notify();
  }

  async addBatch(
    runId: string,
    batch: { number: number; play: number; hosts: readonly string[]; failed: readonly string[] },
  ): Promise<void> {
    await this.#query(
      "insert into plumb.worker_batch (run_id, batch, play, hosts, failed) values ($1, $2, $3, $4, $5) on conflict do nothing",
      [runId, batch.number, batch.play, JSON.stringify(batch.hosts), JSON.stringify(batch.failed)],
    );
    await this.#query(
      `insert into plumb.worker_job (run_id, batch, host) select $1, $2, host from unnest($3::text[]) with ordinality as given (host, place)
       where not exists (select from plumb.worker_job where run_id = $1 and batch = $2) order by place`,
      [runId, batch.number, batch.hosts],
    );
    await this.#notify();
  }

  /** What has come of hosts since this was last asked, and the events before that. */
  async takeResults(
    runId: string,
  ): Promise<{ events: Event[]; results: { batch: number; host: string; work: HostWork }[] }> {
    // First what has ended, then the events: so those of what has ended are among them.
    const done = await this.#query<{ id: string; batch: number; host: string; result: HostWork }>(
      "select id, batch, host, result from plumb.worker_job where run_id = $1 and result is not null order by id",
      [runId],
    );
    const sent = await this.#query<{ id: string; event: SentEvent }>(
      "select id, event from plumb.worker_event where run_id = $1 order by id",
      [runId],
    );
    if (sent.length > 0)
      await this.#query("delete from plumb.worker_event where id = any($1)", [sent.map(({ id }) => id)]);
    if (done.length > 0)
      await this.#query("delete from plumb.worker_job where id = any($1)", [done.map(({ id }) => id)]);
    return {
      events: sent.filter(({ event }) => this.#isNew(event)).map(({ event }) => event.event),
      results: done.map(({ batch, host, result }) => ({ batch, host, work: result })),
    };
  }

  #isNew({ from, place }: SentEvent): boolean {
    if (place <= (this.#places.get(from) ?? 0)) return false;
    this.#places.set(from, place);
    return true;
  }

  /** Says what came of hosts that no worker has, or only one that is gone. */
  async takeBack(runId: string, work: HostWork): Promise<void> {
    await this.#query(
      `update plumb.worker_job set result = $2 where run_id = $1 and result is null and (worker is null or ${this.#gone("worker")})`,
      [runId, JSON.stringify(work)],
    );
  }

  /** Tells workers to stop: `soft` behind the step under way, `hard` at once. */
  async stopRun(runId: string, how: "soft" | "hard"): Promise<void> {
    await this.#query("update plumb.worker_run set stopping = $2 where run_id = $1", [runId, how]);
    await this.#notify();
  }

  async endRun(runId: string): Promise<void> {
    await this.#query("delete from plumb.worker_run where run_id = $1", [runId]);
    await this.#notify();
  }

  // What workers do.

  async runs(): Promise<ActiveRun[]> {
    return this.#query<ActiveRun & pg.QueryResultRow>(
      `select run_id as "runId", stopping, ${there("number")} as "isThere" from plumb.worker_run where not ${this.#gone("number")} order by run_id`,
    );
  }

  async specificationOf(runId: string): Promise<RunSpecification | undefined> {
    const found = await this.#query<{ specification: RunSpecification }>(
      "select specification from plumb.worker_run where run_id = $1",
      [runId],
    );
    return found[0]?.specification;
  }

  /**
   * Takes hosts that nobody has, or whose worker is gone: no two workers get the same.
   *
   * @param had what it has taken already: what it took without hearing of it is told again.
   */
  async take(runIds: readonly string[], most: number, had: readonly string[]): Promise<Job[]> {
    if (most < 1 || runIds.length === 0) return [];
    return this.#query<Job & pg.QueryResultRow>(
      `with open as (
         select id from plumb.worker_job
         where result is null and run_id = any($2) and (worker is null or (worker = $1 and id <> all($4)) or ${this.#gone("worker")})
         order by id limit $3 for update skip locked
       ), taken as (
         update plumb.worker_job as job set worker = $1, attempt = attempt + (job.worker is distinct from $1)::integer from open where job.id = open.id
         returning job.id, job.run_id, job.batch, job.host, job.attempt
       )
       select taken.id, taken.run_id as "runId", batch.play, batch.hosts, batch.failed, taken.host, taken.attempt
       from taken join plumb.worker_batch as batch using (run_id, batch) order by taken.id`,
      [this.number, runIds, most, had],
    );
  }

  async addEvents(runId: string, events: readonly SentEvent[]): Promise<void> {
    if (events.length === 0) return;
    // Of a run that has ended meanwhile nobody wants to know.
    await this.#query(
      `insert into plumb.worker_event (run_id, event)
       select run.run_id, event from plumb.worker_run as run, unnest($2::json[]) with ordinality as given (event, place) where run.run_id = $1 order by place`,
      [runId, events.map((event) => JSON.stringify(event))],
    );
    await this.#notify();
  }

  /** Leaves a host to others. */
  async giveBack(job: Job): Promise<void> {
    await this.#query(
      "update plumb.worker_job set worker = null where id = $1 and worker = $2 and result is null",
      [job.id, this.number],
    );
    await this.#notify();
  }

  /** Says what came of a host, unless another worker has it by now. */
  async finish(job: Job, work: HostWork): Promise<void> {
    await this.#query(
      "update plumb.worker_job set result = $3 where id = $1 and worker = $2 and result is null",
      [job.id, this.number, JSON.stringify(work)],
    );
    await this.#notify();
  }
}
