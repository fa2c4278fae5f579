import net from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { alertCases } from "../../cases/prometheus/alert-cases.ts";
import { labHost, onHost } from "../lab-hosts.ts";
import { consoleCommand, health } from "../pooler-health.ts";
import { MONITORS, mailed, paged, startReceivers, stopReceivers } from "./receivers.ts";
import { type Alert, load, missing, POOLERS, rehearsal, rehearse, SMALL, seen } from "./rehearsal.ts";
import { client, ownClients, PORTS, prepareProduction, provision } from "./setting.ts";

export function alertsInEarnest(): void {
  beforeAll(startReceivers);
  afterAll(stopReceivers);

  test("an exhausted pool; what is not critical is told by mail, and its end too", async () => {
    await rehearse(
      [
        "PgBouncerPoolExhausted",
        "PgBouncerHighWaitTime",
        "PgBouncerHighAverageWait",
        "PgBouncerReservePoolInUse",
        "PgBouncerMaxServerConnections",
        "PgBouncerUnhealthy",
      ],
      async () => {
        const ends = await Promise.all(POOLERS.map((host) => load(host, 9, "select pg_sleep(1.2)")));
        for (const host of POOLERS) {
          await expect.poll(() => health(host)).toMatchObject({ status: 503, reason: "exhausted" });
          expect((await health(host, "/health/routing")).status).toBe(200);
        }
        await expect.poll(() => mailed("PgBouncerPoolExhausted", "FIRING")).toEqual([...MONITORS]);
        return async () => {
          await Promise.all(ends.map((end) => end()));
          // Otherwise the reserve's connections stay until they have been idle for server_idle_timeout.
          await Promise.all(POOLERS.map((host) => consoleCommand(host, "RECONNECT")));
        };
      },
    );
    await expect.poll(() => mailed("PgBouncerPoolExhausted", "RESOLVED")).toEqual([...MONITORS]);
  });

  test("on one host a full front door, seen by clients, descriptors and health; on the other PgBouncer stopped, and started again: what is critical is told to the pager, and its end too", async () => {
    await Promise.all([fullFrontDoor(), stoppedAndStarted()]);
  });

  test("a setting by hand; a certificate that ends; failing logins; clients that connect and never log in; statements prepared anew; a busy thread; and all paused and forgotten", async () => {
    await Promise.all([
      rehearse(["PgBouncerConfigDrift"], async () => {
        await consoleCommand("pool1", "SET query_wait_timeout = 77");
        return async () => void (await consoleCommand("pool1", "RELOAD"));
      }),
      rehearse(["PgBouncerCertificateExpiring", "PgBouncerCertificateExpired"], async () => {
        await onHost(
          "pool1",
          "cd /etc/pgbouncer/tls && cp -p server.crt /root/kept.crt && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=x -keyout /dev/null -out /root/short.crt 2>/dev/null && cat /root/short.crt > server.crt",
        );
        return async () =>
          void (await onHost("pool1", "cat /root/kept.crt > /etc/pgbouncer/tls/server.crt; rm /root/*.crt"));
      }),
      rehearse(["PgBouncerErrorRate"], async () => {
        let stopped = false;
        const loop = (async () => {
          while (!stopped) {
            await client("pool2", { password: "wrong" }).catch(() => undefined);
            await wait(150);
          }
        })();
        return async () => {
          stopped = true;
          await loop;
        };
      }),
      rehearse(["PgBouncerLoginStorm"], async () => {
        const { pgbouncer_listen_port: port } = PORTS;
        const sockets = Array.from({ length: 12 }, () => net.connect(port, labHost("pool2").address));
        for (const socket of sockets) socket.on("error", () => undefined);
        return async () => {
          for (const socket of sockets) socket.destroy();
        };
      }),
      rehearse(["PgBouncerPreparedStatementsMissed"], async () => {
        let stopped = false;
        const loops = Array.from({ length: 2 }, async (_, worker) => {
          const one = await client("pool2");
          for (let count = 0; !stopped; count++)
            await one.query({
              name: `s${worker}_${count}`,
              text: `select ${count}::int + $1::int`,
              values: [1],
            });
          await one.end();
        });
        return async () => {
          stopped = true;
          await Promise.all(loops);
        };
      }),
      // Megabytes that are decrypted on one side and encrypted on the other.
      rehearse(["PgBouncerProcessorBusy"], () => load("pool2", 2, "select repeat('x', 4000000)")),
    ]);
    await rehearse(["PgBouncerPaused"], async () => {
      await Promise.all(POOLERS.map((host) => consoleCommand(host, "PAUSE")));
      return async () => void (await Promise.all(POOLERS.map((host) => consoleCommand(host, "RESUME"))));
    });
    // Of the test before: it lasts for its window.
    expect(await missing(["PgBouncerRestarted"], "quiet")).toEqual([]);
  });

  test("PostgreSQL hangs: no server connection comes up, and the reason is told", async () => {
    const postmaster = (signal: string): Promise<string> =>
      onHost("db1", `kill -${signal} $(head -n 1 /var/lib/postgresql/15/main/postmaster.pid)`);
    await rehearse(
      ["PgBouncerDatabaseUnreachable", "PgBouncerServersStuckInLogin", "PgBouncerUnhealthy"],
      async () => {
        // Clients that are logged in already: a login would hang before it could wait for a server.
        const ends = await Promise.all(POOLERS.map((host) => load(host, 2, "select pg_sleep(0.05)")));
        for (const host of POOLERS) await expect.poll(async () => (await ownClients(host)).length).toBe(2);
        await postmaster("STOP");
        const goOn = async (): Promise<void> => {
          await postmaster("CONT");
          await Promise.all(ends.map((end) => end()));
        };
        // Connections that are there serve on until they are given back.
        await Promise.all(POOLERS.map((host) => consoleCommand(host, "RECONNECT")));
        return goOn;
      },
    );
  });

  test("every alert that ships has fired, and was quiet again", () => {
    const shipped = alertCases.map(({ alert }) => alert).sort();
    expect([...seen.firing].sort()).toEqual(shipped);
    expect([...seen.quiet].sort()).toEqual(shipped);
  });

  test("a second process of a host is watched as an instance of its own", async () => {
    await prepareProduction({}, { pool2: { pgbouncer_instances: 2 } });
    const both = await Promise.all([
      provision("pgbouncer.yml", { extra: SMALL, limit: "pool2" }),
      provision("monitoring.yml", { extra: rehearsal() }),
    ]);
    expect(both.flatMap(({ failed }) => failed)).toEqual([]);
    const paused = async (): Promise<string[]> => {
      const query = 'ALERTS{alertname="PgBouncerPaused",alertstate="firing"}';
      const instances = await Promise.all(
        MONITORS.map(async (monitor) => {
          const reply = await fetch(
            `http://${labHost(monitor).address}:${PORTS.prometheus_port}/api/v1/query?query=${encodeURIComponent(query)}`,
          );
          const { data } = (await reply.json()) as { data: { result: { metric: Record<string, string> }[] } };
          return data.result.map(({ metric }) => metric["instance"] ?? "");
        }),
      );
      return [...new Set(instances.flat())];
    };
    await consoleCommand("pool2", "PAUSE", "pgbouncer-2");
    await expect.poll(paused).toEqual(["pool2/pgbouncer-2"]);
    await consoleCommand("pool2", "RESUME", "pgbouncer-2");
    await expect.poll(paused).toEqual([]);
    // What comes next has one process again, by its own run of the playbook.
    await prepareProduction();
  });
}

function fullFrontDoor(): Promise<void> {
  return rehearse(["PgBouncerClientLimitNear", "PgBouncerDescriptorsNear"], async () => {
    const opened: pg.Client[] = [];
    const leave = (): Promise<unknown> => Promise.all(opened.map((one) => one.end()));
    try {
      // Who asks for health and metrics has a place for a moment, too.
      for (let tries = 0; opened.length < SMALL.pgbouncer_max_client_conn && tries < 300; tries++) {
        const one = await client("pool1").catch(() => wait(50));
        if (one !== undefined) opened.push(one);
      }
      // No new clients, but those who are there may stay.
      const routing = () => health("pool1", "/health/routing");
      await expect.poll(routing).toMatchObject({ status: 404, reason: "full" });
    } catch (error) {
      await leave();
      throw error;
    }
    return async () => void (await leave());
  });
}

async function stoppedAndStarted(): Promise<void> {
  await rehearse(["PgBouncerDown"], async () => {
    expect(await missing(["PgBouncerVersionSkew"], "firing")).toEqual([]);
    await onHost("pool2", "systemctl stop pgbouncer");
    expect(await missing(["PgBouncerDown"], "firing")).toEqual([]);
    // One version is left.
    expect(await missing(["PgBouncerVersionSkew"], "quiet")).toEqual([]);
    for (const monitor of MONITORS)
      await expect.poll(() => routed(monitor)).toEqual([[{ name: "pager" }], "suppressed"]);
    await expect.poll(() => paged("PgBouncerDown", "firing")).toEqual([...MONITORS]);
    return async () => {
      await onHost("pool2", "systemctl start pgbouncer");
      expect(await missing(["PgBouncerRestarted"], "firing")).toEqual([]);
    };
  });
  await expect.poll(() => paged("PgBouncerDown", "resolved")).toEqual([...MONITORS]);
}

/** Who is told that pool2 is down, and what becomes of the alert that it is not well either. */
async function routed(monitor: string): Promise<unknown[]> {
  const reply = await fetch(`http://${labHost(monitor).address}:${PORTS.alertmanager_port}/api/v2/alerts`);
  const alerts = (await reply.json()) as (Alert & {
    receivers: { name: string }[];
    status: { state: string };
  })[];
  const of = (name: string) =>
    alerts.find(({ labels }) => labels["alertname"] === name && labels["instance"] === "pool2");
  return [of("PgBouncerDown")?.receivers, of("PgBouncerUnhealthy")?.status.state];
}
