import { setTimeout as wait } from "node:timers/promises";
import pLimit from "p-limit";
import pg from "pg";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import {
  abandonDatabase,
  connectDatabase,
  databaseTrouble,
  endDatabase,
} from "../postgresql/connect-database.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import { requireSchema } from "../postgresql/shared-schema.ts";
import { requireOwnSession } from "./own-session.ts";

/** How long things may take on a connection to the queue. */
export interface QueueLimits {
  /** A database that was lost is waited for so long: a restart, with what it recovers from, or a replica that takes over. */
  awayMs: number;
  /** A database that gives no answer for so long is lost: the link may have been cut without a word. */
  answerMs: number;
  /** The same on the other side: PostgreSQL ends the session of whoever gives no sign of life for so long, and with it the lock that says that they are there. */
  silentMs: number;
}
const LIMITS: QueueLimits = { awayMs: 120_000, answerMs: 20_000, silentMs: 25_000 };
/** Who is in a hurry waits so long for an answer that is on its way. */
const HURRY_MS = 2_000;
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
  /** When it was made anew the last time, in ms of `performance.now`; absent if never. */
  backAt: number | undefined;
  readonly #address: DatabaseAddress;
  readonly #name: string;
  readonly #news: ConnectionNews;
  readonly #limits: QueueLimits;
  #client: pg.Client;
  #answers = 0;
  /** A connection does one thing after another. */
  readonly #inTurn = pLimit(1);
  readonly #givenUp = new AbortController();

  private constructor(
    address: DatabaseAddress,
    name: string,
    given: { news: ConnectionNews; limits: QueueLimits; client: pg.Client; number: number },
  ) {
    this.#address = address;
    this.#name = name;
    this.#news = given.news;
    this.#limits = given.limits;
    this.#client = given.client;
    this.number = given.number;
    this.#listen();
  }

  /** Connects. The first time nothing is waited for. @throws DiagnosticsError, Error as `pg` gives it */
  static async open(
    address: DatabaseAddress,
    name: string,
    news: ConnectionNews,
    limits = LIMITS,
  ): Promise<QueueConnection> {
    const opened = await openSession(address, name, limits);
    return new QueueConnection(address, name, { news, limits, ...opened });
  }

  /** @throws Error as `pg` gives it; where the connection was lost, when it can't be made anew in time */
  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.#inTurn(async () => {
      let until: number | undefined;
      for (;;) {
        try {
          const { rows } = await this.#client.query<Row>(text, values);
          this.#answers += 1;
          return rows;
        } catch (error) {
          if (!isLoss(error) || this.#givenUp.signal.aborted) throw error;
          until ??= performance.now() + this.#limits.awayMs;
          // It comes back, and is lost again with the same query.
          if (performance.now() > until) throw error;
          await this.#connectAgain(error, until);
        }
      }
    });
  }

  /** Ends a wait for a database that is away, and those to come. */
  giveUp(): void {
    this.#givenUp.abort();
  }

  /** The same, and does not wait long for an answer either. */
  hurry(): void {
    this.giveUp();
    const answers = this.#answers;
    setTimeout(() => {
      if (this.#answers === answers && this.#inTurn.activeCount > 0)
        abandonDatabase(this.#client, "it gave no answer when the run was ended");
    }, HURRY_MS).unref();
  }

  end(): void {
    this.giveUp();
    endDatabase(this.#client);
  }

  async #connectAgain(trouble: unknown, until: number): Promise<void> {
    const { signal } = this.#givenUp;
    endDatabase(this.#client);
    this.#news.away(databaseTrouble(trouble), this.#limits.awayMs);
    for (;;) {
      // Not all at once: a server that has just started has enough to do.
      await wait(PAUSE_MS * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) throw trouble;
      try {
        this.#client = (await openSession(this.#address, this.#name, this.#limits, this.number)).client;
        break;
      } catch (error) {
        if (error instanceof DiagnosticsError || performance.now() > until) throw error;
      }
    }
    this.#listen();
    this.backAt = performance.now();
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
  { answerMs, silentMs }: QueueLimits,
  before?: number,
): Promise<{ client: pg.Client; number: number }> {
  const client = await connectDatabase(address, name, { answerMs });
  try {
    await requireOwnSession(client, address, name);
    await requireSchema(client, address.shown);
    await noticeSilence(client, silentMs);
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
    endDatabase(client);
    throw error;
  }
}

/**
 * Has PostgreSQL end this session when nothing comes from this side any more: by default it would be two hours and more (PostgreSQL's manual, "TCP Settings"; where the system has no such settings, or
 * on a socket, they do nothing). Three signs of life are asked for in that time.
 */
async function noticeSilence(client: pg.Client, silentMs: number): Promise<void> {
  const seconds = Math.max(1, Math.floor(silentMs / 4_000));
  await client.query(
    `select set_config('tcp_keepalives_idle', $1, false), set_config('tcp_keepalives_interval', $1, false),
     set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', $2, false)`,
    [String(seconds), String(silentMs)],
  );
}

async function nextNumber(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ number: number }>(
    "select nextval('plumb.worker_number')::integer as number",
  );
  return rows[0]?.number ?? 0;
}
