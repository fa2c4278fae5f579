import { DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";

/**
 * The database that `--record` or PLUMB_RECORD names, if any.
 *
 * @param option as commander gives it: `--no-record` is false.
 * @throws DiagnosticsError invalid-option
 */
export async function sharedRecordOf(
  option: string | boolean | undefined,
  secrets: Secrets,
): Promise<{ shared?: DatabaseAddress }> {
  if (option === false) return {};
  const set = process.env["PLUMB_RECORD"];
  const text = typeof option === "string" ? option : set;
  if (text === undefined || text === "") return {};
  const { databaseAddress } = await import("../postgresql/database-address.ts");
  const isPublic = typeof option === "string";
  return {
    shared: databaseAddress(text, { option: isPublic ? "--record" : "PLUMB_RECORD", isPublic, secrets }),
  };
}

/** Does something with a database, and tells its trouble as a diagnostic. @throws DiagnosticsError database-unavailable */
export async function withDatabase<Type>(address: DatabaseAddress, act: () => Promise<Type>): Promise<Type> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof DiagnosticsError) throw error;
    const { databaseTrouble } = await import("../postgresql/connect-database.ts");
    throw inputError("database-unavailable", `${address.shown}: ${databaseTrouble(error)}`);
  }
}
