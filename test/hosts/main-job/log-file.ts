import { expect, test } from "vitest";
import { onHost } from "../lab-hosts.ts";
import { consoleCommand, consoleRows } from "../pooler-health.ts";
import { provisionFrom, told } from "./provision.ts";

const POOLERS = ["pool1", "pool2"] as const;
const LOG = "/var/log/pgbouncer/pgbouncer.log";

/** The journal is not everybody's taste. */
export function logFile(folder: () => string): void {
  test("a log file of its own is rotated, PgBouncer writes on into it, and it is given up again, on both releases", async () => {
    const run = (extra: Record<string, unknown>) =>
      provisionFrom(folder(), { limit: "poolers", extra: [JSON.stringify(extra)] });
    const wanted = { pgbouncer_log_file: true, pgbouncer_log_days: 5 };
    const { tasks } = await run(wanted);
    expect(told(tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await run(wanted)).not("ok"))).toEqual([]);
    await Promise.all(POOLERS.map(rotatedOn));
    const given = await run({});
    expect(told(given.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await run({})).not("ok"))).toEqual([]);
    for (const host of POOLERS) {
      expect(await onHost(host, "ls /etc/logrotate.d/plumb-pgbouncer 2>/dev/null || true")).toBe("");
      const shown = (await consoleRows(host, "CONFIG")).find(({ key }) => key === "logfile");
      expect(shown?.["value"]).toBe("");
      expect(await onHost(host, "ls -A /var/log/pgbouncer")).toBe("");
    }
  });
}

async function rotatedOn(host: string): Promise<void> {
  const reloads = (file: string): Promise<string> =>
    onHost(host, `zgrep -c 'RELOAD command' ${file} || true`);
  await consoleCommand(host, "RELOAD");
  await expect.poll(() => reloads(LOG)).toMatch(/^[1-9]/);
  // As the timer does it, but for the time.
  const process = "systemctl show -p MainPID --value pgbouncer";
  const before = await onHost(host, process);
  await onHost(host, "logrotate --force /etc/logrotate.d/plumb-pgbouncer");
  expect(await reloads(`${LOG}.1`)).toMatch(/^[1-9]/);
  expect(await reloads(LOG)).toBe("0\n");
  await consoleCommand(host, "RELOAD");
  await expect.poll(() => reloads(LOG)).toBe("1\n");
  // No hole where the old lines were, nobody else may read it, and nobody was cut.
  expect(await onHost(host, `tr -d -c '\\000' < ${LOG} | wc -c; stat -c '%U %G %a' ${LOG}`)).toMatch(
    /^0\npgbouncer pgbouncer 6[04]0\n$/,
  );
  await onHost(host, "logrotate --force /etc/logrotate.d/plumb-pgbouncer");
  expect(await onHost(host, `ls ${LOG}*`)).toBe(`${LOG}\n${LOG}.1\n${LOG}.2.gz\n`);
  expect(await onHost(host, process)).toBe(before);
  // The journal has it too: what reads the log reads there.
  expect(await onHost(host, "journalctl -q -u pgbouncer | grep -c 'RELOAD command'")).toMatch(/^[1-9]/);
}
