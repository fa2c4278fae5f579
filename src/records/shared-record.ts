import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import {
  type ConnectOptions,
  connectDatabase,
  databaseTrouble,
  endDatabase,
} from "../postgresql/connect-database.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import { requireSchema } from "../postgresql/shared-schema.ts";
import { RecordSender } from "./send-record.ts";

const EVERY_MS = 1_000;
/** After the database was away, it is not asked again at once. */
const AGAIN_AFTER_MS = 10_000;
/** A database that gives no answer for so long is away. */
const ANSWER_MS = 10_000;
/** So long the end of a run waits for what is still to be sent. */
const END_MS = 15_000;

/** The copy of a run's record in a shared database. */
export interface SharedRecord {
  /** Call it when the record's file is complete. */
  close(): Promise<void>;
}

/**
 * Sends a run's record to a database while it is written. The run never waits for the database; what could not be sent stays in the file, with a mark beside it, and is sent with
 * the next run that goes to the same database.
 *
 * @param warn called once, when the database can't be had.
 */
export function shareRecord(
  folder: string,
  runId: string,
  address: DatabaseAddress,
  warn: (message: string) => void,
): SharedRecord {
  const mark = markOf(folder, runId);
  writeFileSync(mark, JSON.stringify({ database: address.shown, pid: process.pid }), {
    mode: 0o600,
    flag: "wx",
  });
  const sender = new RecordSender(folder, runId);
  let client: pg.Client | undefined;
  let busy: Promise<void> | undefined;
  let notBefore = 0;
  let hasWarned = false;
  const disconnect = (): void => {
    if (client !== undefined) endDatabase(client);
    client = undefined;
  };
  const send = async (): Promise<void> => {
    client ??= await connectReady(address, { answerMs: ANSWER_MS });
    await sender.send(client);
  };
  const sendNow = async (): Promise<void> => {
    try {
      await send();
    } catch (error) {
      disconnect();
      notBefore = performance.now() + AGAIN_AFTER_MS;
      if (!hasWarned)
        warn(
          `the shared record can't be written for now, and the run goes on: ${databaseTrouble(error)} (${address.shown})`,
        );
      hasWarned = true;
    }
  };
  /** A connection may have been lost since it was last used: then a new one is tried, because there is no next time. */
  const sendLast = async (): Promise<void> => {
    const isOld = client !== undefined;
    try {
      await send();
    } catch (error) {
      if (!isOld) throw error;
      disconnect();
      await send();
    }
  };
  const tick = (): void => {
    if (busy !== undefined || performance.now() < notBefore) return;
    busy = sendNow().finally(() => {
      busy = undefined;
    });
  };
  const timer = setInterval(tick, EVERY_MS).unref();
  tick();
  return {
    close: async () => {
      clearInterval(timer);
      const late = wait(END_MS, "late", { ref: false });
      const rest = async (): Promise<void> => {
        await busy;
        await sendLast();
        rmSync(mark, { force: true });
        if (client !== undefined) await sendMarked(client, folder, address);
      };
      try {
        if ((await Promise.race([rest(), late])) === "late")
          throw new Error(`no answer within ${END_MS / 1000} s`);
      } catch (error) {
        if (existsSync(mark))
          warn(
            `the shared record lacks this run: ${databaseTrouble(error)} (${address.shown}). It is kept in ${folder}, and is sent with the next run or by \`plumb history push\``,
          );
      }
      disconnect();
    },
  };
}

/** @throws Error when the database can't be had, or has no tables for records */
export async function connectReady(address: DatabaseAddress, options?: ConnectOptions): Promise<pg.Client> {
  const client = await connectDatabase(address, "plumb record", options);
  try {
    await requireSchema(client, address.shown);
    return client;
  } catch (error) {
    endDatabase(client);
    throw error;
  }
}

/** Sends what earlier runs could not. @throws Error as the database gives it */
async function sendMarked(client: pg.Client, folder: string, address: DatabaseAddress): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(MARK)) continue;
    const runId = name.slice(0, -MARK.length);
    const mark = readMark(folder, runId);
    if (mark?.database !== address.shown || isAlive(mark.pid)) continue;
    if (existsSync(path.join(folder, `${runId}.jsonl`))) await new RecordSender(folder, runId).send(client);
    rmSync(markOf(folder, runId), { force: true });
  }
}

/**
 * Sends records that a database lacks, in whole or in part.
 *
 * @returns how many it lacked.
 * @throws Error as the database gives it
 */
export async function pushRecords(
  client: pg.Client,
  folder: string,
  runs: readonly string[],
  address: DatabaseAddress,
): Promise<number> {
  const there = await linesThere(client, runs);
  let lacking = 0;
  for (const runId of runs) {
    const text = readFileSync(path.join(folder, `${runId}.jsonl`), "utf8");
    if (there.get(runId) !== text.split("\n").length - 1) {
      await new RecordSender(folder, runId).send(client);
      lacking += 1;
    }
    const mark = readMark(folder, runId);
    if (mark?.database === address.shown && !isAlive(mark.pid))
      rmSync(markOf(folder, runId), { force: true });
  }
  return lacking;
}

/** How many lines a database has of runs; none of any for a role that may not look. */
async function linesThere(client: pg.Client, runs: readonly string[]): Promise<ReadonlyMap<string, number>> {
  try {
    const found = await client.query<{ run_id: string; lines: number }>(
      "select run_id, count(*)::integer as lines from plumb.record_line where run_id = any($1) group by run_id",
      [runs],
    );
    return new Map(found.rows.map(({ run_id, lines }) => [run_id, lines]));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === INSUFFICIENT_PRIVILEGE) return new Map();
    throw error;
  }
}

const INSUFFICIENT_PRIVILEGE = "42501";

const MARK = ".unsent";
const markOf = (folder: string, runId: string): string => path.join(folder, `${runId}${MARK}`);

function readMark(folder: string, runId: string): { database: string; pid: number } | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(markOf(folder, runId), "utf8"));
    if (typeof value !== "object" || value === null || !("database" in value) || !("pid" in value))
      return undefined;
    const { database, pid } = value;
    return typeof database === "string" && typeof pid === "number" ? { database, pid } : undefined;
  } catch {
    return undefined;
  }
}

/** A run that is under way sends its record itself. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
