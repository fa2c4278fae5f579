import { setTimeout as wait } from "node:timers/promises";
import pLimit from "p-limit";
import pg from "pg";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { connectDatabase, databaseTrouble } from "../postgresql/connect-database.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import { requireSchema } from "../postgresql/shared-schema.ts";
import { requireOwnSession } from "./own-session.ts";

/** A database that was lost is waited for so long: a restart, with what it recovers from, or a replica that takes over. */
export const AWAY_MS = 120_000;
const PAUSE_MS = 500;
/** `Plum`: keeps Plumb's advisory locks apart from others'. */
export const LOCKS = 0x506c756d;
export const CHANNEL = "plumb_worker";

/** What becomes of a connection. */
export interface ConnectionNews {
  /** It was lost, and is made anew until then. */
  away(trouble: string, waitsMs: number): void;
  back(): void;
  /** Somebody else has said that something has happened. */
  notified(): void;
}

/**
 * A connection that says by an advisory lock of its number that whoever holds it is there, and that is made anew with the same number when the database was away. What it does must bear to be
 * done twice: nobody knows whether the database had done it when the connection was lost.
 */
export class QueueConnection {
  readonly number: number;
  /** When it was made anew the last time, in ms since the epoch; 0 if never. */
  backAt = 0;
  readonly #address: DatabaseAddress;
  readonly #name: string;
  readonly #news: ConnectionNews;
  readonly #awayMs: number;
  #client: pg.Client;
  /** A connection does one thing after another. */
  readonly #inTurn = pLimit(1);
  readonly #givenUp = new AbortController();

  private constructor(
    address: DatabaseAddress,
    name: string,
    given: { news: ConnectionNews; awayMs: number; client: pg.Client; number: number },
  ) {
    this.#address = address;
    this.#name = name;
    this.#news = given.news;
    this.#awayMs = given.awayMs;
    this.#client = given.client;
    this.number = given.number;
    this.#listen();
  }

  /** Connects. The first time nothing is waited for. @throws DiagnosticsError, Error as `pg` gives it */
  static async open(
    address: DatabaseAddress,
    name: string,
    news: ConnectionNews,
    awayMs = AWAY_MS,
  ): Promise<QueueConnection> {
    const opened = await openSession(address, name);
    return new QueueConnection(address, name, { news, awayMs, ...opened });
  }

  /** @throws Error as `pg` gives it; where the connection was lost, when it can't be made anew in time */
  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.#inTurn(async () => {
      for (;;) {
        try {
          return (await this.#client.query<Row>(text, values)).rows;
        } catch (error) {
          if (!isLoss(error) || this.#givenUp.signal.aborted) throw error;
          await this.#connectAgain(error);
        }
      }
    });
  }

  /** Ends a wait for a database that is away, and those to come. */
  giveUp(): void {
    this.#givenUp.abort();
  }

  async end(): Promise<void> {
    this.giveUp();
    await this.#client.end();
  }

  async #connectAgain(trouble: unknown): Promise<void> {
    const { signal } = this.#givenUp;
    const until = Date.now() + this.#awayMs;
    this.#client.end().catch(() => undefined);
    this.#news.away(databaseTrouble(trouble), this.#awayMs);
    for (;;) {
      // Not all at once: a server that has just started has enough to do.
      await wait(PAUSE_MS * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) throw trouble;
      try {
        this.#client = (await openSession(this.#address, this.#name, this.number)).client;
        break;
      } catch (error) {
        if (error instanceof DiagnosticsError || Date.now() > until) throw error;
      }
    }
    this.#listen();
    this.backAt = Date.now();
    this.#news.back();
    this.#news.notified();
  }

  #listen(): void {
    this.#client.on("notification", () => this.#news.notified());
  }
}

/** Whether a query failed because the connection is gone, or is about to be (PostgreSQL's manual, "Error Codes": operator intervention, connection exceptions). */
function isLoss(error: unknown): boolean {
  return error instanceof pg.DatabaseError ? /^(57P|08)/.test(error.code ?? "") : true;
}

async function openSession(
  address: DatabaseAddress,
  name: string,
  before?: number,
): Promise<{ client: pg.Client; number: number }> {
  const client = await connectDatabase(address, name);
  try {
    await requireOwnSession(client, address, name);
    await requireSchema(client, address.shown);
    const number = before ?? (await nextNumber(client));
    // A server that has not noticed that the old connection is gone has its session still.
    if (before !== undefined)
      await client.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = $1 and objid = $2 and objsubid = 2 and pid <> pg_backend_pid() and database = (select oid from pg_database where datname = current_database())",
        [LOCKS, number],
      );
    await client.query("select pg_advisory_lock($1, $2)", [LOCKS, number]);
    await client.query(`listen ${CHANNEL}`);
    return { client, number };
  } catch (error) {
    client.end().catch(() => undefined);
    throw error;
  }
}

async function nextNumber(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ number: number }>(
    "select nextval('plumb.worker_number')::integer as number",
  );
  return rows[0]?.number ?? 0;
}
