import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { onHost } from "../lab-hosts.ts";
import { consoleCommand, consoleRows } from "../pooler-health.ts";
import { startLoad } from "../pooler-load.ts";
import { applyPlaybook, authorityOf, passwordOf, provisionFrom, told } from "./provision.ts";

const SLOW_LOGIN_SECONDS = 3;

/** PgBouncer 1.18 ends logins at every RELOAD, later ones where connections have to be made anew; both take them for failed ones. */
export function reloadBetweenLogins(folder: () => string): void {
  const loginsTake = (seconds: number): Promise<string> =>
    onHost(
      "db1",
      `cd /; runuser -u postgres -- psql -qc "alter system set post_auth_delay = ${seconds}" -c "select pg_reload_conf()"`,
    );
  const loggingIn = async (host: string): Promise<number> =>
    (await consoleRows(host, "POOLS")).reduce((sum, row) => sum + Number(row["sv_login"]), 0);

  /** A RELOAD while somebody waits for a login to PostgreSQL that is under way. @returns how long it took. */
  async function inTheMiddle(host: string, reload: () => Promise<unknown>): Promise<number> {
    const load = await startLoad({
      from: "app1",
      to: host,
      database: "app",
      staying: 1,
      comingAndGoing: 0,
      credentials: async () => ({
        user: "app",
        password: await passwordOf(folder(), "app"),
        ca: await authorityOf(folder()),
      }),
    });
    let took = 0;
    try {
      await loginsTake(SLOW_LOGIN_SECONDS);
      await consoleCommand(host, "RECONNECT");
      await expect.poll(() => loggingIn(host), { timeout: 10_000, interval: 50 }).toBe(1);
      const begun = Date.now();
      await reload();
      took = Date.now() - begun;
      // The login of the connections made anew after the RELOAD.
      await wait(SLOW_LOGIN_SECONDS * 1000 + 1000);
    } finally {
      await loginsTake(0);
      await load.stop();
    }
    const { queries, errors } = await load.stop();
    expect(errors).toEqual([]);
    expect(queries).toBeGreaterThan(5);
    return took;
  }

  test("a RELOAD waits for a login to PostgreSQL that is under way, and nobody is refused", async () => {
    const playbook = await applyPlaybook(folder(), "pool1");
    await inTheMiddle("pool1", async () => {
      const { tasks } = await provisionFrom(folder(), { playbook });
      expect(told(tasks)).toEqual([expect.stringContaining("reloaded")]);
    });
    expect(
      await onHost(
        "pool1",
        "journalctl --sync; journalctl -q -o cat -u pgbouncer --since=-60s | grep -c 'connect string changed'; true",
      ),
    ).toBe("0\n");
  });

  test("so does a reload by systemctl, on both releases, where connections have to be made anew for another connect string too", async () => {
    const ini = "/etc/pgbouncer/pgbouncer.ini";
    for (const host of ["pool1", "pool2"]) {
      const another = `cp -p ${ini} /run/kept.ini; sed -i "/^app = /s/$/ connect_query='select 1'/" ${ini}`;
      await onHost(host, another);
      const took = await inTheMiddle(host, () => onHost(host, "systemctl reload pgbouncer"));
      await onHost(host, `mv /run/kept.ini ${ini}; systemctl reload pgbouncer`);
      expect(took, host).toBeGreaterThan(500);
      expect(took, host).toBeLessThan(10_000);
    }
  });

  test("a console that does not answer keeps nobody from reloading: SIGHUP is sent", async () => {
    const signalled = await onHost(
      "pool2",
      `/usr/local/lib/plumb/pgbouncer-reload /run/nothing $(systemctl show -p MainPID --value pgbouncer) 2>&1; for try in $(seq 50); do journalctl --sync; journalctl -q -o cat -u pgbouncer --since=-20s | grep -m 1 -o 'got SIGHUP' && break; sleep 0.1; done`,
    );
    expect(signalled).toMatch(
      /^\/run\/nothing: No such file or directory\nSIGHUP is sent instead\ngot SIGHUP\n$/,
    );
  });
}
