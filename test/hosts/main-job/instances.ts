import { execFile } from "node:child_process";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { expect, test } from "vitest";
import { PLUMB } from "../../built-plumb.ts";
import { labHost, onHost } from "../lab-hosts.ts";
import { consoleCommand, health } from "../pooler-health.ts";
import { openTunnel, startLoad } from "../pooler-load.ts";
import { authorityOf, passwordOf, provisionFrom, told } from "./provision.ts";

/** What there is of processes other than the first: nothing where there is one. */
export const leftOfInstances = (host: string): Promise<string> =>
  onHost(
    host,
    "ls -d /run/pgbouncer-* /var/log/pgbouncer-* /etc/pgbouncer/*-2* /etc/systemd/system/pgbouncer-* /etc/systemd/system/*/pgbouncer-* 2>/dev/null; systemctl list-units --all --plain --no-legend 'pgbouncer-*'; true",
  );

/** Two processes share the port on each pooler; then it is one again. */
export function severalInstances(folder: () => string): void {
  const two = ["{pgbouncer_instances: 2, pgbouncer_default_pool_size: 8, pgbouncer_log_file: true}"];
  const units = (host: string): Promise<string> =>
    onHost(host, "systemctl list-units --plain --no-legend 'pgbouncer*' | awk '{print $1, $3}'");

  test("more processes than PostgreSQL can take are refused, with the arithmetic", async () => {
    const { tasks } = await provisionFrom(folder(), {
      limit: "poolers",
      extra: ["{pgbouncer_instances: 2}"],
    });
    const [failed] = tasks.filter(({ status }) => status === "failed");
    expect(failed?.task.module).toBe("pgbouncer_capacity");
    expect(failed?.message).toContain(
      "leaves 92 (100 − 8), the pools can open 112: app: 1 × (15 + 10) + 1 × 3 = 28; × 4 processes = 112; default_pool_size 10 would fit",
    );
  });

  test("plumb pgbouncer size asks the servers of an inventory, and shows the arithmetic of what is there", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[PLUMB, "pgbouncer", "size", "-i", path.join(folder(), "hosts.yml")],
    ]);
    expect(stdout).toMatch(/max_connections\D+100/);
    expect(stdout).toContain("1 × (15 + 10) + 1 × 3 = 28; × 2 processes = 56");
  });

  test("a second process starts beside the first, and a second run changes nothing", async () => {
    const first = await provisionFrom(folder(), { limit: "poolers", extra: two });
    expect(told(first.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(told((await provisionFrom(folder(), { limit: "poolers", extra: two })).not("ok"))).toEqual([]);
    for (const host of ["pool1", "pool2"]) {
      expect(await units(host)).toBe("pgbouncer-2.service active\npgbouncer.service active\n");
      expect(await onHost(host, "ls -A /run/pgbouncer /run/pgbouncer-2 | grep -c PGSQL.6432")).toBe("2\n");
      // Each has a log file of its own, and both are rotated.
      const logs = ["/var/log/pgbouncer/pgbouncer.log", "/var/log/pgbouncer-2/pgbouncer.log"];
      const rotated = logs.map((log) => `${log}.1`).join(" ");
      await onHost(host, "logrotate --force /etc/logrotate.d/plumb-pgbouncer");
      expect(await onHost(host, `grep -l 'process up' ${rotated}`)).toBe(`${rotated.replace(" ", "\n")}\n`);
    }
  });

  test("on both releases health and metrics tell the processes apart", () =>
    Promise.all(["pool1", "pool2"].map(toldApart)));

  async function toldApart(host: string): Promise<void> {
    const told = async (target: string): Promise<string> => {
      const { status, reason, instance = "" } = await health(host, target);
      return `${status} ${reason} ${instance}`.trim();
    };
    const tried = async (): Promise<string[]> => {
      // The cache of the last answer is over.
      await wait(1100);
      return Promise.all(
        ["/health", "/health/routing", "/health/alive", "/health/pgbouncer", "/health/pgbouncer-2"].map(told),
      );
    };
    const ok = "200 ok pgbouncer";
    expect(await tried(), host).toEqual([ok, ok, ok, "200 ok", "200 ok"]);
    await consoleCommand(host, "PAUSE", "pgbouncer-2");
    const paused = "paused pgbouncer-2";
    // The kernel may give the next client to the paused one.
    expect(await tried(), host).toEqual([
      `503 ${paused}`,
      `404 ${paused}`,
      `200 ${paused}`,
      "200 ok",
      "503 paused",
    ]);
    await consoleCommand(host, "RESUME", "pgbouncer-2");
    await onHost(host, "systemctl stop pgbouncer-2");
    const stopped = "stopped pgbouncer-2";
    // And a stopped one gets none.
    expect(await tried(), host).toEqual([
      `503 ${stopped}`,
      `200 ${stopped}`,
      `200 ${stopped}`,
      "200 ok",
      "503 stopped",
    ]);
    const metrics = (name: string): Promise<string> =>
      onHost(
        host,
        `exec 3<>/dev/tcp/127.0.0.1/9127; printf 'GET /metrics/${name} HTTP/1.0\\r\\n\\r\\n' >&3; timeout 15 cat <&3`,
      );
    expect(await metrics("pgbouncer")).toMatch(/^pgbouncer_up 1$/m);
    expect(await metrics("pgbouncer-2")).toMatch(/^pgbouncer_up 0$/m);
    await onHost(host, "systemctl start pgbouncer-2");
    expect(await tried(), host).toEqual([ok, ok, ok, "200 ok", "200 ok"]);
    // It asks through sockets, and needs no network for that.
    const said = await onHost(host, "systemd-analyze security plumb-pgbouncer-health --no-pager | tail -n 1");
    expect(Number(/(\d+\.\d+)/.exec(said)?.[1])).toBeLessThanOrEqual(1.1);
  }

  test("a cancel request finds its query whichever process it comes to (1.24: peers)", async () => {
    const cancelled = await cancelledQueries(folder(), "pool2", 8);
    expect(cancelled).toBe(8);
  });

  test("both processes serve clients, and scaling down under load leaves nothing behind", async () => {
    const load = await startLoad({
      from: "app1",
      to: "pool1",
      database: "app",
      staying: 0,
      comingAndGoing: 4,
      credentials: async () => ({
        user: "app",
        password: await passwordOf(folder(), "app"),
        ca: await authorityOf(folder()),
      }),
    });
    const finished = await provisionFrom(folder(), { limit: "poolers" });
    const { queries } = await load.stop();
    expect(told(finished.tasks.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(queries).toBeGreaterThan(0);
    for (const host of ["pool1", "pool2"]) {
      expect(await units(host)).toBe("pgbouncer.service active\n");
      expect(await leftOfInstances(host)).toBe("");
      // Nor of the log files.
      expect(
        await onHost(host, "ls /etc/logrotate.d/plumb-pgbouncer 2>/dev/null; ls -A /var/log/pgbouncer"),
      ).toBe("");
    }
    expect(told((await provisionFrom(folder(), { limit: "poolers" })).not("ok"))).toEqual([]);
  });
}

/** Starts queries one after another, cancels each, and counts those that ended at once. */
async function cancelledQueries(folder: string, pooler: string, count: number): Promise<number> {
  const tunnel = await openTunnel("app1", labHost(pooler).address, 6432);
  let cancelled = 0;
  try {
    for (let index = 0; index < count; index++) {
      const client = new pg.Client({
        host: "127.0.0.1",
        port: tunnel.port,
        user: "app",
        database: "app",
        password: await passwordOf(folder, "app"),
        ssl: { ca: await authorityOf(folder), servername: pooler },
      });
      client.on("error", () => undefined);
      await client.connect();
      const query = client.query("select pg_sleep(20)").catch((error: unknown) => error);
      await onHost(
        "db1",
        `cd /; until runuser -u postgres -- psql -XAtqc "select 'running' from pg_stat_activity where state = 'active' and query = 'select pg_sleep(20)'" | grep -q running; do sleep 0.05; done`,
      );
      await cancel(tunnel.port, client as unknown as Session);
      const answer = await query;
      if (answer instanceof Error && /canceling statement/.test(answer.message)) cancelled += 1;
      await client.end();
    }
  } finally {
    tunnel.process.kill();
  }
  return cancelled;
}

interface Session {
  processID: number;
  secretKey: number;
}

/** A CancelRequest (PostgreSQL's protocol, 55.2.8) comes on a connection of its own, and without TLS as libpq sends it. */
function cancel(port: number, { processID, secretKey }: Session): Promise<void> {
  const packet = Buffer.alloc(16);
  [16, 80_877_102, processID, secretKey].forEach((word, index) => {
    packet.writeInt32BE(word, index * 4);
  });
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(packet));
    socket.once("close", () => resolve());
    socket.once("error", reject);
    socket.resume();
  });
}
