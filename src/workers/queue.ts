import pLimit from "p-limit";
import type pg from "pg";
import type { Event } from "../converge/event.ts";
import type { HostWork } from "../fleet/elsewhere.ts";
import type { DigestedParts } from "../plans/plan.ts";
import { connectDatabase } from "../postgresql/connect-database.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import { requireSchema } from "../postgresql/shared-schema.ts";

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

/** `Plum`: keeps Plumb's advisory locks apart from others'. */
const LOCKS = 0x506c756d;
const CHANNEL = "plumb_worker";

/** Whether somebody with this number is there: an advisory lock ends with the connection that holds it. */
const alive = (number: string): string =>
  `exists (select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
     and classid = ${LOCKS} and objid = ${number} and objsubid = 2 and granted)`;

/** The queue that runs and workers share, through one connection. All that it does throws Error as `pg` gives it. */
export class WorkerQueue {
  readonly number: number;
  readonly #client: pg.Client;
  /** A connection does one thing after another. */
  readonly #inTurn = pLimit(1);
  #hasNews = false;
  #wake: (() => void) | undefined;

  private constructor(client: pg.Client, number: number) {
    this.#client = client;
    this.number = number;
    client.on("notification", () => this.wake());
  }

  /** Connects, and is there for others to see until the connection ends. */
  static async open(address: DatabaseAddress, name: string): Promise<WorkerQueue> {
    const client = await connectDatabase(address, name);
    await requireSchema(client, address.shown);
    const found = await client.query<{ number: number }>(
      "select nextval('plumb.worker_number')::integer as number",
    );
    const number = found.rows[0]?.number ?? 0;
    await client.query("select pg_advisory_lock($1, $2)", [LOCKS, number]);
    await client.query(`listen ${CHANNEL}`);
    return new WorkerQueue(client, number);
  }

  async #query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.#inTurn(async () => (await this.#client.query<Row>(text, values)).rows);
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

  async end(): Promise<void> {
    await this.#client.end();
  }

  // What the run does.

  /** Clears away runs whose process is gone, and begins one. */
  async beginRun(runId: string, specification: RunSpecification): Promise<void> {
    await this.#query(`delete from plumb.worker_run where not ${alive("number")}`);
    await this.#query("insert into plumb.worker_run (run_id, number, specification) values ($1, $2, $3)", [
      runId,
      this.number,
      JSON.stringify(specification),
    ]);
    await this.#query(`notify ${CHANNEL}`);
  }

  async addBatch(
    runId: string,
    batch: { number: number; play: number; hosts: readonly string[]; failed: readonly string[] },
  ): Promise<void> {
    await this.#query(
      "insert into plumb.worker_batch (run_id, batch, play, hosts, failed) values ($1, $2, $3, $4, $5)",
      [runId, batch.number, batch.play, JSON.stringify(batch.hosts), JSON.stringify(batch.failed)],
    );
    await this.#query(
      "insert into plumb.worker_job (run_id, batch, host) select $1, $2, host from unnest($3::text[]) with ordinality as given (host, place) order by place",
      [runId, batch.number, batch.hosts],
    );
    await this.#query(`notify ${CHANNEL}`);
  }

  /** What has come of hosts since this was last asked, and the events before that. */
  async takeResults(
    runId: string,
  ): Promise<{ events: Event[]; results: { batch: number; host: string; work: HostWork }[] }> {
    // First what has ended, then the events: so those of what has ended are among them.
    const done = await this.#query<{ batch: number; host: string; result: HostWork }>(
      "delete from plumb.worker_job where run_id = $1 and result is not null returning batch, host, result",
      [runId],
    );
    const events = await this.#query<{ id: string; event: Event }>(
      "delete from plumb.worker_event where run_id = $1 returning id, event",
      [runId],
    );
    events.sort((one, other) => Number(one.id) - Number(other.id));
    return {
      events: events.map(({ event }) => event),
      results: done.map(({ batch, host, result }) => ({ batch, host, work: result })),
    };
  }

  /** Takes back what no worker has, or only one that is gone. */
  async takeBack(runId: string): Promise<{ batch: number; host: string }[]> {
    return this.#query(
      `delete from plumb.worker_job where run_id = $1 and result is null and (worker is null or not ${alive("worker")}) returning batch, host`,
      [runId],
    );
  }

  /** Tells workers to stop: `soft` behind the step under way, `hard` at once. */
  async stopRun(runId: string, how: "soft" | "hard"): Promise<void> {
    await this.#query("update plumb.worker_run set stopping = $2 where run_id = $1", [runId, how]);
    await this.#query(`notify ${CHANNEL}`);
  }

  async endRun(runId: string): Promise<void> {
    await this.#query("delete from plumb.worker_run where run_id = $1", [runId]);
    await this.#query(`notify ${CHANNEL}`);
  }

  // What workers do.

  async runs(): Promise<{ runId: string; stopping: "soft" | "hard" | null }[]> {
    return this.#query(
      `select run_id as "runId", stopping from plumb.worker_run where ${alive("number")} order by run_id`,
    );
  }

  async specificationOf(runId: string): Promise<RunSpecification | undefined> {
    const found = await this.#query<{ specification: RunSpecification }>(
      "select specification from plumb.worker_run where run_id = $1",
      [runId],
    );
    return found[0]?.specification;
  }

  /** Takes hosts that nobody has, or whose worker is gone: no two workers get the same. */
  async take(runIds: readonly string[], most: number): Promise<Job[]> {
    if (most < 1 || runIds.length === 0) return [];
    return this.#query<Job & pg.QueryResultRow>(
      `with open as (
         select id from plumb.worker_job
         where result is null and run_id = any($2) and (worker is null or not ${alive("worker")})
         order by id limit $3 for update skip locked
       ), taken as (
         update plumb.worker_job as job set worker = $1, attempt = attempt + 1 from open where job.id = open.id
         returning job.id, job.run_id, job.batch, job.host, job.attempt
       )
       select taken.id, taken.run_id as "runId", batch.play, batch.hosts, batch.failed, taken.host, taken.attempt
       from taken join plumb.worker_batch as batch using (run_id, batch) order by taken.id`,
      [this.number, runIds, most],
    );
  }

  async addEvents(runId: string, events: readonly Event[]): Promise<void> {
    if (events.length === 0) return;
    // Of a run that has ended meanwhile nobody wants to know.
    await this.#query(
      `insert into plumb.worker_event (run_id, event)
       select run.run_id, event from plumb.worker_run as run, unnest($2::json[]) with ordinality as given (event, place) where run.run_id = $1 order by place`,
      [runId, events.map((event) => JSON.stringify(event))],
    );
    await this.#query(`notify ${CHANNEL}`);
  }

  /** Says what came of a host, unless another worker has it by now. */
  async finish(job: Job, work: HostWork): Promise<void> {
    await this.#query(
      "update plumb.worker_job set result = $3 where id = $1 and worker = $2 and result is null",
      [job.id, this.number, JSON.stringify(work)],
    );
    await this.#query(`notify ${CHANNEL}`);
  }
}
