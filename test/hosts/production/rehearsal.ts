import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { expect } from "vitest";
import { labHost } from "../lab-hosts.ts";
import { MONITORS, receivers } from "./receivers.ts";
import { client, PORTS } from "./setting.ts";

export const POOLERS = ["pool1", "pool2"] as const;

/** Small enough to be filled; a reserve that comes soon. */
export const SMALL = {
  pgbouncer_default_pool_size: 2,
  pgbouncer_reserve_pool_size: 1,
  pgbouncer_max_client_conn: 30,
  pgbouncer_settings: { reserve_pool_timeout: 1, max_db_connections: 3, server_login_retry: 1 },
};

/** Alerts that need no minutes to hold, and thresholds that a test can pass without bringing the machine down. */
export const rehearsal = (): Record<string, unknown> => ({
  prometheus_scrape_interval: "1s",
  prometheus_rate_window: "5s",
  // Longer than it takes on a busy machine to see that a pooler is down and to start it again.
  prometheus_restart_window: "30s",
  prometheus_hold: "1s",
  alertmanager_group_wait: "1s",
  prometheus_pgbouncer_thresholds: {
    errors_per_second: 0.5,
    processor: 0.03,
    descriptors: 0.001,
    logins: 5,
    parses: 0.5,
  },
  alertmanager_group_interval: "1s",
  ...receivers(),
});

export interface Alert {
  state: string;
  labels: Record<string, string>;
}

async function firing(monitor: string): Promise<Set<string>> {
  const reply = await fetch(`http://${labHost(monitor).address}:${PORTS.prometheus_port}/api/v1/alerts`);
  const { data } = (await reply.json()) as { data: { alerts: Alert[] } };
  return new Set(
    data.alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels["alertname"] ?? ""),
  );
}

/** Alerts that have fired on both monitors, and those that were quiet again afterwards. */
export const seen = { firing: new Set<string>(), quiet: new Set<string>() };

/** Waits until these alerts fire on both monitors (or none of them does). Gives those for which it waited in vain. */
export async function missing(
  alerts: readonly string[],
  wanted: "firing" | "quiet",
  seconds = 100,
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
  for (const alert of alerts)
    if (
      ![...open].some((one) => one.endsWith(` ${alert}`)) &&
      (wanted === "firing" || seen.firing.has(alert))
    )
      seen[wanted].add(alert);
  return [...open];
}

/** Causes a condition, sees its alerts fire, ends it, sees them clear. */
export async function rehearse(
  alerts: readonly string[],
  cause: () => Promise<() => Promise<void>>,
): Promise<void> {
  const end = await cause();
  try {
    expect(await missing(alerts, "firing")).toEqual([]);
  } finally {
    await end();
  }
  expect(await missing(alerts, "quiet")).toEqual([]);
}

/** Many clients, each asking the same over and over until they are told to stop. */
export async function load(host: string, count: number, query: string): Promise<() => Promise<void>> {
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
