import type pg from "pg";
import { type ReadRecord, recordFrom } from "./read-records.ts";

/** Names of the runs in a shared database, the newest first. @throws Error as `pg` gives it */
export async function sharedRuns(client: pg.Client): Promise<string[]> {
  const found = await client.query<{ run_id: string }>(
    "select run_id from plumb.record_line where number = 0 order by run_id desc",
  );
  return found.rows.map(({ run_id }) => run_id);
}

/** @returns undefined for what is no record. @throws Error as `pg` gives it */
export async function readShared(client: pg.Client, runId: string): Promise<ReadRecord | undefined> {
  const found = await client.query<{ line: string }>(
    "select line::text as line from plumb.record_line where run_id = $1 order by number",
    [runId],
  );
  return recordFrom(
    runId,
    found.rows.map(({ line }) => line),
  );
}
