import { setTimeout as wait } from "node:timers/promises";
import { ModuleFailure } from "./module.ts";
import { applicationsOf, pausePooler } from "./pause-pooler.ts";
import { askUntil, type Login } from "./pg-query.ts";
import type { StepHost } from "./step.ts";

const POLL_MS = 500;

/**
 * RELOAD ends the clients of a database that is not in the file any more, in the middle of their transactions. So before it: nobody new is let in, those who are there have
 * `drainSeconds` to leave, and whoever stays is cut between two transactions.
 *
 * @param wanted databases of the file.
 * @returns what was drained, a line for each.
 * @throws ModuleFailure when a transaction goes on for too long; the database is let in to again, and nothing has been reloaded.
 */
export async function drainRemovedDatabases(
  host: StepHost,
  login: Login,
  wanted: readonly string[],
  drainSeconds: number,
): Promise<string[]> {
  // A database that the file does not name is served by its wildcard.
  if (wanted.includes("*")) return [];
  const ask = async (command: string): Promise<Record<string, unknown>[]> =>
    (await askUntil(host, login, [command], 5)).answers[0]?.rows ?? [];
  const removed = (await ask("SHOW DATABASES"))
    .map((row) => String(row["name"]))
    .filter((name) => name !== "pgbouncer" && !wanted.includes(name));
  if (removed.length === 0) return [];
  const clients = async (): Promise<number> =>
    applicationsOf(await ask("SHOW CLIENTS")).filter((row) => removed.includes(String(row["database"])))
      .length;
  for (const name of removed) await ask(`DISABLE ${identifier(name)}`);
  const deadline = performance.now() + drainSeconds * 1000;
  for (let left = await clients(); left > 0 && performance.now() < deadline; left = await clients()) {
    host.progress(`${removed.join(", ")}: ${left} clients have not left yet`);
    await wait(POLL_MS, undefined, { signal: host.signal });
  }
  const told: string[] = [];
  for (const name of removed)
    told.push(await cutBetweenTransactions(host, login, name, drainSeconds, ask, removed));
  return told;
}

async function cutBetweenTransactions(
  host: StepHost,
  login: Login,
  name: string,
  seconds: number,
  ask: (command: string) => Promise<Record<string, unknown>[]>,
  removed: readonly string[],
): Promise<string> {
  const left = applicationsOf(await ask("SHOW CLIENTS")).filter((row) => row["database"] === name).length;
  if (left === 0) return `${name}: all clients had left`;
  try {
    const command = `PAUSE ${identifier(name)}`;
    await pausePooler(
      host,
      { command, service: "", timeoutSeconds: Math.max(1, seconds), resumeAfterSeconds: undefined },
      login,
    );
  } catch (error) {
    for (const other of removed) await ask(`ENABLE ${identifier(other)}`);
    throw new ModuleFailure(
      `${name} is in the file no more, and can't be dropped without cutting a transaction: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
        hint: "it is served as before; end what runs in it, and run again",
      },
    );
  }
  await ask(`KILL ${identifier(name)}`);
  return `${name}: ${left} clients cut between two transactions`;
}

/** As the console takes names: PostgreSQL's quoting. */
const identifier = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
