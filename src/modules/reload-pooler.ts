import { setTimeout as wait } from "node:timers/promises";
import { type Login, openSession } from "./pg-query.ts";
import type { StepHost } from "./step.ts";

/** Seconds that logins to PostgreSQL may take before they are cut after all. */
const PATIENCE_SECONDS = 10;
const POLL_MS = 50;

/**
 * RELOAD or RECONNECT, at a moment when no login to PostgreSQL is under way. They end such a login where connections have to be made anew (a RELOAD of PgBouncer 1.18 always
 * does, later ones where TLS or a connect string changes), take that for a login that failed, and then refuse clients until `server_login_retry` has passed, 15 seconds as it
 * comes (tag_pool_dirty and launch_new_connection in PgBouncer's src/objects.c, 1.18 to 1.25). Logins that take longer than ten seconds are not waited for.
 *
 * @param timeoutSeconds for getting in to the console.
 * @throws ModuleFailure when the console does not answer.
 */
export async function betweenLogins(
  host: StepHost,
  login: Login,
  command: string,
  timeoutSeconds: number,
): Promise<void> {
  const session = await openSession(host, login, timeoutSeconds);
  try {
    const deadline = Date.now() + PATIENCE_SECONDS * 1000;
    const loggingIn = async (): Promise<number> =>
      (await session.query("SHOW POOLS")).rows.reduce((sum, row) => sum + Number(row["sv_login"]), 0);
    while ((await loggingIn()) > 0 && Date.now() < deadline) {
      host.progress("waits for logins to PostgreSQL that are under way");
      await wait(POLL_MS, undefined, { signal: host.signal });
    }
    await session.query(command);
  } finally {
    await session.end();
  }
}
