import { Secrets } from "../diagnostics/secrets.ts";
import { type ReadRecord, readRecord, recordedRuns } from "../records/read-records.ts";
import { recordFolder } from "../records/record-folder.ts";
import { sharedRecordOf, withDatabase } from "./shared-database.ts";

/** Where records are read from: the project's folder, or a database of the team's. */
export interface RecordSource {
  /** For people. */
  place: string;
  /** Names of runs, the newest first. */
  runs: readonly string[];
  /** @returns undefined for what is no record. */
  read(run: string): Promise<ReadRecord | undefined>;
}

/**
 * Opens the source that `--record` names, or the folder.
 *
 * @throws DiagnosticsError database-unavailable, invalid-option
 */
export async function withRecordSource<Type>(
  option: string | undefined,
  act: (source: RecordSource) => Promise<Type>,
): Promise<Type> {
  const { shared } = option === undefined ? {} : await sharedRecordOf(option, new Secrets());
  if (shared === undefined) {
    const folder = recordFolder();
    const read = async (run: string): Promise<ReadRecord | undefined> => readRecord(folder, run);
    return act({ place: folder, runs: recordedRuns(folder), read });
  }
  return withDatabase(shared, async () => {
    const [{ connectReady }, { sharedRuns, readShared }] = await Promise.all([
      import("../records/shared-record.ts"),
      import("../records/read-shared.ts"),
    ]);
    const client = await connectReady(shared);
    try {
      const read = (run: string): Promise<ReadRecord | undefined> => readShared(client, run);
      return await act({ place: shared.shown, runs: await sharedRuns(client), read });
    } finally {
      await client.end();
    }
  });
}
