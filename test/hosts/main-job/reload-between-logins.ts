import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { onHost } from "../lab-hosts.ts";
import { consoleCommand, consoleRows } from "../pooler-health.ts";
import { startLoad } from "../pooler-load.ts";
import { applyPlaybook, authorityOf, passwordOf, provisionFrom, told } from "./provision.ts";

const SLOW_LOGIN_SECONDS = 3;

/** PgBouncer 1.18 ends logins at every RELOAD, and takes them for failed ones. */
export function reloadBetweenLogins(folder: () => string): void {
  const loginsTake = (seconds: number): Promise<string> =>
    onHost(
      "db1",
      `cd /; runuser -u postgres -- psql -qc "alter system set post_auth_delay = ${seconds}" -c "select pg_reload_conf()"`,
    );
  const loggingIn = async (): Promise<number> =>
    (await consoleRows("pool1", "POOLS")).reduce((sum, row) => sum + Number(row["sv_login"]), 0);

  test("a RELOAD waits for a login to PostgreSQL that is under way, and nobody is refused", async () => {
    const playbook = await applyPlaybook(folder(), "pool1");
    const load = await startLoad({
      from: "app1",
      to: "pool1",
      database: "app",
      staying: 1,
      comingAndGoing: 0,
      credentials: async () => ({
        user: "app",
        password: await passwordOf(folder(), "app"),
        ca: await authorityOf(folder()),
      }),
    });
    try {
      await loginsTake(SLOW_LOGIN_SECONDS);
      await consoleCommand("pool1", "RECONNECT");
      await expect.poll(loggingIn, { timeout: 10_000, interval: 50 }).toBe(1);
      const { tasks } = await provisionFrom(folder(), { playbook });
      expect(told(tasks)).toEqual([expect.stringContaining("reloaded")]);
      // The login of the connections made anew after the RELOAD.
      await wait(SLOW_LOGIN_SECONDS * 1000 + 1000);
    } finally {
      await loginsTake(0);
      await load.stop();
    }
    const { queries, errors } = await load.stop();
    expect(errors).toEqual([]);
    expect(queries).toBeGreaterThan(5);
    expect(
      await onHost(
        "pool1",
        "journalctl --sync; journalctl -q -o cat -u pgbouncer --since=-60s | grep -c 'connect string changed'; true",
      ),
    ).toBe("0\n");
  });
}
