import { closeSync, openSync, readSync } from "node:fs";
import path from "node:path";
import type pg from "pg";
import { SENT_COLUMNS } from "../postgresql/shared-schema.ts";

/** As much of a file is read and sent at once. */
const CHUNK_BYTES = 512 * 1024;

/**
 * Sends the record of one run to a database, line by line as it stands in its file: the file is what is still to be sent. Lines that are there already are left as they are, so that it
 * never matters how often one is sent.
 */
export class RecordSender {
  readonly runId: string;
  readonly #file: string;
  #offset = 0;
  #number = 0;

  constructor(folder: string, runId: string) {
    this.runId = runId;
    this.#file = path.join(folder, `${runId}.jsonl`);
  }

  /** Sends what has come into the file since the last time. @throws Error of the file or the database: then the next call begins where this one did */
  async send(client: pg.Client): Promise<void> {
    for (;;) {
      const lines = this.#read();
      if (lines.texts.length === 0) return;
      await insertLines(client, this.runId, this.#number, lines.texts);
      this.#number += lines.texts.length;
      this.#offset += lines.bytes;
    }
  }

  /** Complete lines from where it stands; half a line has not been written to its end. */
  #read(): { texts: string[]; bytes: number } {
    const file = openSync(this.#file, "r");
    try {
      // A line may be longer than what is read at once.
      for (let size = CHUNK_BYTES; ; size *= 2) {
        const bytes = Buffer.alloc(size);
        const read = readSync(file, bytes, 0, size, this.#offset);
        const end = bytes.subarray(0, read).lastIndexOf(0x0a) + 1;
        if (end === 0 && read === size) continue;
        return { texts: bytes.toString("utf8", 0, end).split("\n").slice(0, -1), bytes: end };
      }
    } finally {
      closeSync(file);
    }
  }
}

async function insertLines(
  client: pg.Client,
  runId: string,
  first: number,
  texts: readonly string[],
): Promise<void> {
  const rows = texts.map(columnsOf);
  const column = (pick: (row: Columns) => string | null): (string | null)[] => rows.map(pick);
  await client.query(
    `insert into plumb.record_line (${SENT_COLUMNS})
     select $1, number, type, time, host, status, task, module, line
     from unnest($2::integer[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::json[])
       as sent (number, type, time, host, status, task, module, line)
     on conflict do nothing`,
    [
      runId,
      rows.map((_, index) => first + index),
      column((row) => row.type),
      column((row) => row.time),
      column((row) => row.host),
      column((row) => row.status),
      column((row) => row.task),
      column((row) => row.module),
      column((row) => row.line),
    ],
  );
}

interface Columns {
  type: string;
  time: string | null;
  host: string | null;
  status: string | null;
  task: string | null;
  module: string | null;
  line: string;
}

/** What a query is likely to look for, beside the line itself. Line by line, a record is what `run-record.ts` writes. */
export function columnsOf(text: string): Columns {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // A file that something else has damaged: its numbers must stay those of its lines.
    return { type: "damaged", time: null, host: null, status: null, task: null, module: null, line: "null" };
  }
  const task = fieldOf(parsed, "task");
  return {
    type: textOf(fieldOf(parsed, "type")) ?? "damaged",
    time: textOf(fieldOf(parsed, "time")),
    host: textOf(fieldOf(parsed, "host")),
    status: textOf(fieldOf(parsed, "status")) ?? textOf(fieldOf(parsed, "outcome")),
    task: textOf(fieldOf(task, "name")),
    module: textOf(fieldOf(task, "module")),
    line: text,
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

/** PostgreSQL's text has no NUL. */
function textOf(value: unknown): string | null {
  return typeof value === "string" ? value.replaceAll("\0", "\uFFFD") : null;
}
