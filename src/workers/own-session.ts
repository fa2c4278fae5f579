import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { inputError } from "../diagnostics/diagnostic.ts";
import { connectDatabase, endDatabase } from "../postgresql/connect-database.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";

/** A pooler lends the session that was given back last; so often it is tried, because somebody else may have been quicker. */
const ROUNDS = 3;
const ANSWER_MS = 3_000;

/**
 * Makes sure that a connection has a session of PostgreSQL's to itself. Behind a pooler that lends sessions by transaction or statement the advisory lock that says that a worker is there would
 * stay in a session that lives on without it.
 *
 * Without a pooler the process that PostgreSQL named when the connection was made is the one that answers: then nothing else is asked.
 *
 * @throws DiagnosticsError database-unavailable, saying what to do; Error as `pg` gives it
 */
export async function requireOwnSession(
  client: pg.Client,
  address: DatabaseAddress,
  name: string,
): Promise<void> {
  const own = await processBehind(client);
  if ("processID" in client && client.processID === own) return;
  const servers = address.servers.filter(({ host, port }) => client.host === host && client.port === port);
  const other = await connectDatabase({ ...address, servers }, name, { answerMs: ANSWER_MS });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await other.query("begin");
      const lent = await processBehind(other);
      // While the other one is in a transaction: of a pool of one session there is none left.
      const now = await Promise.race([processBehind(client), wait(ANSWER_MS, undefined, { ref: false })]);
      await other.query("rollback");
      if (lent === own || now !== own) throw refusal(address);
    }
  } catch (error) {
    throw error instanceof Error && /statement pooling/.test(error.message) ? refusal(address) : error;
  } finally {
    endDatabase(other);
  }
}

async function processBehind(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ process: number }>("select pg_backend_pid() as process");
  return rows[0]?.process;
}

const refusal = (address: DatabaseAddress): Error =>
  inputError(
    "database-unavailable",
    `${address.shown} leads to a pooler that lends one session of PostgreSQL to many: nobody would notice there that a worker is dead`,
    {
      expected: "PostgreSQL itself, or a pooler with pool_mode = session",
      hint: "name the address and port of PostgreSQL (5432, as a rule); or give this database `pool_mode=session` in PgBouncer's [databases]",
    },
  );
