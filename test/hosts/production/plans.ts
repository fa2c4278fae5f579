import { rm } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { onHost } from "../lab-hosts.ts";
import { startCommand } from "../plumb-process.ts";
import { SMALL } from "./rehearsal.ts";
import { playbookOf } from "./setting.ts";

/** What runs of the commands leave: in the folder of the inventory. */
const folderOf = async (): Promise<string> =>
  path.dirname(path.resolve("playbooks", await playbookOf("plans", "[]\n")));

/** The main job, planned and applied by the commands: what was provisioned before has drifted. */
export function plans(): void {
  const variables = ["-e", JSON.stringify(SMALL)];
  const plumb = async (...args: string[]): Promise<{ code: number | null; output: string }> => {
    const cwd = await folderOf();
    const { ended, text } = startCommand([...args, ...variables], {
      cwd,
      environment: { PLUMB_RUNS_DIR: path.join(cwd, "runs") },
    });
    return { code: await ended, output: text() };
  };
  const plan = async (): Promise<{ code: number | null; output: string }> => {
    await rm(path.join(await folderOf(), "drift.plan"), { force: true });
    return plumb("plan", path.resolve("playbooks/pgbouncer.yml"), "-i", "hosts.yml", "-o", "drift.plan");
  };

  test("what has drifted is planned, refused when it moves once more, and applied as planned: every prediction is right", async () => {
    await onHost(
      "pool1",
      "sed -i 's/^default_pool_size = .*/default_pool_size = 3/' /etc/pgbouncer/pgbouncer.ini; chmod 0666 /etc/pgbouncer/pg_hba.conf; rm /usr/local/lib/plumb/PgbouncerHealth/Log.pm; systemctl stop plumb-pgbouncer-health.socket",
    );
    await onHost(
      "db1",
      "sed -i 's/^max_connections = .*/max_connections = 50/' /etc/postgresql/15/main/conf.d/plumb.conf; systemctl stop postgresql@15-main; rm /etc/postgresql/tls/server.crt",
    );
    const planned = await plan();
    expect(planned.output).toContain("+default_pool_size");
    // It changes nothing, and only it knows what is to come of it.
    expect(planned.output).not.toContain("find settings that need a restart");
    expect(planned.output).toMatch(/unknown {2}postgresql : restart postgresql/);
    expect(planned.output).toMatch(/unknown {2}Ask through the pooler => pool1/);
    expect(planned.code).toBe(0);
    await onHost("pool1", "touch /etc/pgbouncer/pgbouncer.ini; chmod 0600 /etc/pgbouncer/pgbouncer.ini");
    const refused = await plumb("apply", "drift.plan");
    expect(refused.output).toMatch(/pool1: pgbouncer : Its configuration => pgbouncer: at: mode has changed/);
    expect(refused.output).not.toContain("Seconds has changed");
    expect(refused.code).toBe(6);
    expect(await onHost("db1", "systemctl is-active postgresql@15-main; true")).toBe("inactive\n");
    await onHost("pool1", "chmod 0640 /etc/pgbouncer/pgbouncer.ini");
    const applied = await plumb("apply", "drift.plan");
    const [, right, tested] = /(\d+) of (\d+) predictions right/.exec(applied.output) ?? [];
    expect(applied.output).not.toContain("wrong:");
    expect(right).toBe(tested);
    expect(Number(right)).toBeGreaterThan(60);
    expect(applied.code).toBe(0);
    const nothing = await plan();
    expect(nothing.output).not.toMatch(/^ {2}(would change|unknown) {2}/m);
  });
}
