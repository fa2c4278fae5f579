import { inputError } from "../diagnostics/diagnostic.ts";
import { Secrets } from "../diagnostics/secrets.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import { recordedRuns } from "../records/read-records.ts";
import { recordFolder } from "../records/record-folder.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { sharedRecordOf, withDatabase } from "./shared-database.ts";

export interface SharedHistoryOptions {
  record?: string;
  writer?: string[];
  reader?: string[];
  worker?: string[];
}

/** `plumb history push`: sends what a database lacks of the records here. */
export async function historyPushCommand(options: SharedHistoryOptions): Promise<ExitCode> {
  const address = await addressOf(options);
  const folder = recordFolder();
  const runs = recordedRuns(folder);
  const sent = await withDatabase(address, async () => {
    const { connectReady, pushRecords } = await import("../records/shared-record.ts");
    const client = await connectReady(address);
    try {
      return await pushRecords(client, folder, runs, address);
    } finally {
      await client.end();
    }
  });
  const count = `${sent} of ${runs.length} ${runs.length === 1 ? "record" : "records"} in ${folder}`;
  const others = sent === runs.length ? "" : "; it has the others already";
  consoleOutput().write(`Sent ${count} to ${address.shown}${others}.\n`);
  return EXIT.ok;
}

/** `plumb history prepare`: makes the tables, and lets roles use them. */
export async function historyPrepareCommand(options: SharedHistoryOptions): Promise<ExitCode> {
  const address = await addressOf(options);
  const { before, now } = await withDatabase(address, async () => {
    const [{ connectDatabase }, { prepareSchema, SHARED_SCHEMA_VERSION }] = await Promise.all([
      import("../postgresql/connect-database.ts"),
      import("../postgresql/shared-schema.ts"),
    ]);
    const client = await connectDatabase(address, "plumb history prepare");
    try {
      const roles = {
        writers: options.writer ?? [],
        readers: options.reader ?? [],
        workers: options.worker ?? [],
      };
      return { before: await prepareSchema(client, roles), now: SHARED_SCHEMA_VERSION };
    } finally {
      await client.end();
    }
  });
  const what =
    before === now
      ? "are there already"
      : before === 0
        ? "have been made"
        : `are brought up from version ${before}`;
  const letIn = new Set([...(options.writer ?? []), ...(options.reader ?? []), ...(options.worker ?? [])]);
  const roles = letIn.size === 0 ? "" : `, for ${[...letIn].join(", ")} to use`;
  consoleOutput().write(`Plumb's tables in ${address.shown} ${what} (version ${now})${roles}.\n`);
  return EXIT.ok;
}

async function addressOf({ record }: SharedHistoryOptions): Promise<DatabaseAddress> {
  const { shared } = await sharedRecordOf(record, new Secrets());
  if (shared !== undefined) return shared;
  throw inputError("invalid-option", "which database?", {
    expected: "--record postgres://user@host/database, or PLUMB_RECORD",
  });
}
