import net from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { expect, test } from "vitest";
import { pgbouncerDashboard } from "../../../scripts/pgbouncer-dashboard.ts";
import type { HostPoolers } from "../../../src/views/pooler-status.ts";
import { alertCases, ruleTest } from "../../cases/prometheus/alert-cases.ts";
import { labHost, onHost, sendToHost } from "../lab-hosts.ts";
import { client, consoleCommand, health, plumb, provision } from "./setting.ts";

export const POOLERS = ["pool1", "pool2"] as const;
const MONITORS = ["db2", "mon1"] as const;

/** Small enough to be filled; a reserve that comes soon. */
export const SMALL = {
  pgbouncer_default_pool_size: 2,
  pgbouncer_reserve_pool_size: 1,
  pgbouncer_max_client_conn: 30,
  pgbouncer_settings: { reserve_pool_timeout: 1, max_db_connections: 3, server_login_retry: 1 },
};

/** Alerts that need no minutes to hold, and thresholds that a test can pass without bringing the machine down. */
const REHEARSAL = {
  prometheus_scrape_interval: "1s",
  prometheus_rate_window: "5s",
  // Longer than it takes on a busy machine to see that a pooler is down and to start it again.
  prometheus_restart_window: "30s",
  prometheus_hold: "1s",
  alertmanager_group_wait: "1s",
  prometheus_pgbouncer_thresholds: {
    errors_per_second: 0.5,
    processor: 0.06,
    descriptors: 0.001,
    logins: 5,
    parses: 0.5,
  },
  alertmanager_receivers: [{ name: "chat" }, { name: "pager" }],
  alertmanager_default_receiver: "chat",
  alertmanager_critical_receiver: "pager",
};

export function healthEndpoint(): void {
  test("a second run changes nothing, and drift of it is found and mended", async () => {
    expect((await provision("pgbouncer.yml", { extra: SMALL })).changed).toEqual([]);
    await onHost(
      "pool1",
      "echo x > /etc/plumb-pgbouncer-health/pgpass; chmod 0644 /etc/plumb-pgbouncer-health/pgpass; systemctl stop plumb-pgbouncer-health.socket",
    );
    const mended = await provision("pgbouncer.yml", { extra: SMALL, limit: "pool1" });
    expect(mended.changed).toEqual([
      expect.stringContaining("Its password"),
      expect.stringContaining("Listening now"),
    ]);
    expect((await health("pool1")).status).toBe(200);
  });

  test("its unit leaves hardly any rights", async () => {
    for (const host of POOLERS) {
      const said = await onHost(
        host,
        "systemd-analyze security plumb-pgbouncer-health --no-pager | tail -n 1",
      );
      expect(Number(/(\d+\.\d+)/.exec(said)?.[1])).toBeLessThanOrEqual(1.3);
    }
  });

  test("plumb pgbouncer status shows both releases, and what is wrong with a pooler", async () => {
    const good = await plumb("pgbouncer", "status", "poolers", "--json");
    expect(good.code).toBe(0);
    const { hosts } = JSON.parse(good.stdout) as { hosts: HostPoolers[] };
    expect(
      hosts.map(({ host, poolers }) => [host, poolers?.[0]?.version, poolers?.[0]?.health?.reason]),
    ).toEqual([
      ["pool1", "1.18.0", "ok"],
      ["pool2", "1.24.1", "ok"],
    ]);
    for (const { poolers } of hosts) {
      expect(poolers?.[0]?.pools.map(({ user, poolSize }) => [user, poolSize])).toContainEqual(["app", 2]);
      expect(poolers?.[0]?.certificates.map(({ daysLeft }) => daysLeft > 300)).toEqual([true, true]);
    }
    await consoleCommand("pool2", "SET query_wait_timeout = 77");
    await onHost("pool1", "systemctl stop pgbouncer");
    const bad = await plumb("pgbouncer", "status", "poolers");
    await onHost("pool1", "systemctl start pgbouncer");
    await consoleCommand("pool2", "RELOAD");
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/pool2: query_wait_timeout is 77, the file says \d+/);
    expect(bad.stdout).toMatch(/pool1: stopped: PgBouncer is not running/);
  });

  test("it says 200 only when a client would be served, and else why", async () => {
    const states = await Promise.all(POOLERS.map(walkThroughStates));
    for (const seen of states)
      expect(seen).toEqual({
        paused: "503 paused",
        "after paused": "200 ok",
        "database paused": "503 paused",
        "after database paused": "200 ok",
        disabled: "503 disabled",
        "after disabled": "200 ok",
        hung: "503 unresponsive",
        "after hung": "200 ok",
        stopped: "503 stopped",
        "after stopped": "200 ok",
      });
  });

  test("slow and many clients keep nobody waiting", async () => {
    const statuses = await onHost(
      "pool1",
      `for i in $(seq 40); do (exec 3<>/dev/tcp/127.0.0.1/9127; printf 'GET /hea' >&3; sleep 4) & done 2>/dev/null
for i in $(seq 30); do (exec 3<>/dev/tcp/127.0.0.1/9127; printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3; timeout 3 head -n 1 <&3) & done; wait`,
    );
    expect(statuses.match(/200 OK/g)).toHaveLength(30);
    // One probe has answered all: 30 would have been 30 logins.
    expect(await onHost("pool1", "pgrep -c -u pgbouncer perl")).toBe("1\n");
  });

  test("the password stands in no process list, and in no file that others can read", async () => {
    const found = await onHost(
      "pool1",
      "stat -c '%a %U' /etc/plumb-pgbouncer-health/pgpass; systemctl show plumb-pgbouncer-health -p Environment | grep -c PASSWORD || true",
    );
    expect(found).toBe("600 pgbouncer\n0\n");
  });
}

/** Brings a pooler into every state in which it accepts connections and serves nobody, and out of it again. */
async function walkThroughStates(host: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  const look = async (name: string, wanted: number): Promise<void> => {
    for (let tries = 0; tries < 8; tries++) {
      const { status, reason } = await health(host);
      seen[name] = `${status} ${reason}`;
      if (status === wanted) return;
      await wait(400);
    }
  };
  const states: readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[] = [
    ["paused", () => consoleCommand(host, "PAUSE"), () => consoleCommand(host, "RESUME")],
    ["database paused", () => consoleCommand(host, "PAUSE app"), () => consoleCommand(host, "RESUME app")],
    ["disabled", () => consoleCommand(host, "DISABLE app"), () => consoleCommand(host, "ENABLE app")],
    [
      "hung",
      () => onHost(host, "systemctl kill -s STOP pgbouncer"),
      () => onHost(host, "systemctl kill -s CONT pgbouncer"),
    ],
    [
      "stopped",
      () => onHost(host, "systemctl stop pgbouncer"),
      () => onHost(host, "systemctl start pgbouncer"),
    ],
  ];
  for (const [name, cause, undo] of states) {
    await cause();
    await look(name, 503);
    await undo();
    await look(`after ${name}`, 200);
  }
  return seen;
}

export function rulesAsTheyShip(): void {
  test("the first run installs Prometheus and Alertmanager, the second changes nothing", async () => {
    const first = await provision("monitoring.yml");
    expect(first.failed).toEqual([]);
    expect((await provision("monitoring.yml")).changed).toEqual([]);
  });

  test("promtool: every alert fires on its condition and not without it; amtool: what is critical goes elsewhere", async () => {
    const tests = ruleTest("/etc/prometheus/rules/pgbouncer.rules.yml");
    await Promise.all(
      MONITORS.map(async (host) => {
        await sendToHost(host, "cat > /tmp/rules.test.yml", tests);
        const said = await onHost(
          host,
          "promtool test rules /tmp/rules.test.yml 2>&1; rm /tmp/rules.test.yml",
        );
        expect(said).toContain("SUCCESS");
        const shipped = await onHost(
          host,
          "sed -n 's/.*- alert: //p' /etc/prometheus/rules/pgbouncer.rules.yml",
        );
        expect(alertCases.map(({ alert }) => alert).sort()).toEqual(shipped.trim().split("\n").sort());
      }),
    );
    expect((await provision("monitoring.yml", { extra: REHEARSAL })).failed).toEqual([]);
    for (const host of MONITORS) {
      const route = (severity: string): Promise<string> =>
        onHost(
          host,
          `amtool config routes test --config.file=/etc/prometheus/alertmanager.yml severity=${severity}`,
        );
      expect([await route("critical"), await route("warning")]).toEqual(["pager\n", "chat\n"]);
    }
  });

  test("where Grafana is, it is given the dashboard and its data source", async () => {
    expect(await onHost("db2", "ls /var/lib/grafana 2>/dev/null || true")).toBe("");
    await onHost(
      "mon1",
      "mkdir -p /etc/grafana/provisioning/dashboards /etc/grafana/provisioning/datasources",
    );
    expect((await provision("monitoring.yml", { extra: REHEARSAL, limit: "mon1" })).failed).toEqual([]);
    expect((await provision("monitoring.yml", { extra: REHEARSAL, limit: "mon1" })).changed).toEqual([]);
    const shown = JSON.parse(
      await onHost("mon1", "cat /var/lib/grafana/dashboards/pgbouncer.json"),
    ) as unknown;
    expect(shown).toEqual(JSON.parse(JSON.stringify(pgbouncerDashboard())));
    expect(await onHost("mon1", "cat /etc/grafana/provisioning/datasources/plumb.yml")).toContain(
      `url: http://${labHost("mon1").address}:9090`,
    );
  });
}

interface Alert {
  state: string;
  labels: Record<string, string>;
}

async function firing(monitor: string): Promise<Set<string>> {
  const reply = await fetch(`http://${labHost(monitor).address}:9090/api/v1/alerts`);
  const { data } = (await reply.json()) as { data: { alerts: Alert[] } };
  return new Set(
    data.alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels["alertname"] ?? ""),
  );
}

/** Waits until these alerts fire on both monitors (or none of them does). Gives those for which it waited in vain. */
async function missing(
  alerts: readonly string[],
  wanted: "firing" | "quiet",
  seconds = 25,
): Promise<string[]> {
  const open = new Set(MONITORS.flatMap((monitor) => alerts.map((alert) => `${monitor} ${alert}`)));
  const deadline = Date.now() + seconds * 1000;
  while (open.size > 0 && Date.now() < deadline) {
    await wait(500);
    for (const monitor of MONITORS) {
      const now = await firing(monitor);
      for (const alert of alerts)
        if (now.has(alert) === (wanted === "firing")) open.delete(`${monitor} ${alert}`);
    }
  }
  return [...open];
}

/** Causes a condition, sees its alerts fire, ends it, sees them clear. */
async function rehearse(alerts: readonly string[], cause: () => Promise<() => Promise<void>>): Promise<void> {
  const end = await cause();
  try {
    expect(await missing(alerts, "firing")).toEqual([]);
  } finally {
    await end();
  }
  expect(await missing(alerts, "quiet")).toEqual([]);
}

/** Many clients, each asking the same over and over until they are told to stop. */
async function load(host: string, count: number, query: string): Promise<() => Promise<void>> {
  let stopped = false;
  const loops = Array.from({ length: count }, async () => {
    while (!stopped) {
      let one: pg.Client | undefined;
      try {
        one = await client(host);
        while (!stopped) await one.query(query);
      } catch {
        await wait(100);
      }
      await one?.end().catch(() => undefined);
    }
  });
  return async () => {
    stopped = true;
    await Promise.all(loops);
  };
}

export function alertsInEarnest(): void {
  test("an exhausted pool", async () => {
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
        for (let tries = 0; tries < 20 && (await health("pool1")).status === 200; tries++) await wait(500);
        const strict = await health("pool1");
        expect(`${strict.status} ${strict.reason}`).toBe("503 exhausted");
        expect((await health("pool1", "/health/routing")).status).toBe(200);
        return async () => {
          await Promise.all(ends.map((end) => end()));
          // Otherwise the reserve's connections stay until they have been idle for server_idle_timeout.
          await Promise.all(POOLERS.map((host) => consoleCommand(host, "RECONNECT")));
        };
      },
    );
  });

  test("a full front door, seen by clients, descriptors and health", async () => {
    await rehearse(["PgBouncerClientLimitNear", "PgBouncerDescriptorsNear"], async () => {
      const opened: pg.Client[] = [];
      for (let count = 0; count < 31; count++) {
        const one = await client("pool1").catch(() => undefined);
        if (one === undefined) break;
        opened.push(one);
      }
      for (let tries = 0; tries < 10 && (await health("pool1")).status === 200; tries++) await wait(300);
      const full = await health("pool1", "/health/routing");
      // No new clients, but those who are there may stay.
      expect(`${full.status} ${full.reason}`).toBe("404 full");
      return async () => {
        await Promise.all(opened.map((one) => one.end()));
      };
    });
  });

  test("clients that connect and never log in", async () => {
    await rehearse(["PgBouncerLoginStorm"], async () => {
      const sockets = Array.from({ length: 12 }, () => net.connect(6432, labHost("pool2").address));
      for (const socket of sockets) socket.on("error", () => undefined);
      return async () => {
        for (const socket of sockets) socket.destroy();
      };
    });
  });

  test("PgBouncer stopped, and started again; what is critical reaches the pager", async () => {
    await rehearse(["PgBouncerDown"], async () => {
      expect(await missing(["PgBouncerVersionSkew"], "firing")).toEqual([]);
      await onHost("pool2", "systemctl stop pgbouncer");
      expect(await missing(["PgBouncerDown"], "firing")).toEqual([]);
      // One version is left.
      expect(await missing(["PgBouncerVersionSkew"], "quiet")).toEqual([]);
      await wait(1500);
      for (const monitor of MONITORS) {
        const reply = await fetch(`http://${labHost(monitor).address}:9093/api/v2/alerts`);
        const alerts = (await reply.json()) as (Alert & {
          receivers: { name: string }[];
          status: { state: string };
        })[];
        const of = (name: string) =>
          alerts.find(({ labels }) => labels["alertname"] === name && labels["instance"] === "pool2");
        expect(of("PgBouncerDown")?.receivers).toEqual([{ name: "pager" }]);
        expect(of("PgBouncerUnhealthy")?.status.state).toBe("suppressed");
      }
      return async () => {
        await onHost("pool2", "systemctl start pgbouncer");
        expect(await missing(["PgBouncerRestarted"], "firing")).toEqual([]);
      };
    });
    expect(await missing(["PgBouncerRestarted"], "quiet", 60)).toEqual([]);
  });

  test("paused and forgotten; a setting by hand; failing logins; statements prepared anew; a busy thread; a certificate that ends", async () => {
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
    ]);
    // Megabytes that are decrypted on one side and encrypted on the other.
    await rehearse(["PgBouncerProcessorBusy"], () => load("pool2", 4, "select repeat('x', 4000000)"));
    await rehearse(["PgBouncerPaused"], async () => {
      await Promise.all(POOLERS.map((host) => consoleCommand(host, "PAUSE")));
      return async () => void (await Promise.all(POOLERS.map((host) => consoleCommand(host, "RESUME"))));
    });
  });

  test("every panel of the dashboard shows something under load", async () => {
    const ends = await Promise.all(POOLERS.map((host) => load(host, 4, "select pg_sleep(0.02)")));
    const open = new Set(
      pgbouncerDashboard().panels.flatMap(({ targets }) =>
        targets.flatMap(({ expr }) => MONITORS.map((on) => `${on} ${expr}`)),
      ),
    );
    try {
      for (let tries = 0; open.size > 0 && tries < 20; tries++) {
        await client("pool1", { password: "wrong" }).catch(() => undefined);
        await Promise.all(
          [...open].map(async (line) => {
            const [monitor = "", ...words] = line.split(" ");
            const query = words
              .join(" ")
              .replaceAll(/\$(instance|database)/g, ".*")
              .replaceAll("$__rate_interval", "5s");
            const reply = await fetch(
              `http://${labHost(monitor).address}:9090/api/v1/query?query=${encodeURIComponent(query)}`,
            );
            const { data } = (await reply.json()) as { data?: { result: unknown[] } };
            if ((data?.result.length ?? 0) > 0) open.delete(line);
          }),
        );
        await wait(500);
      }
    } finally {
      await Promise.all(ends.map((end) => end()));
    }
    expect([...open]).toEqual([]);
  });
}
