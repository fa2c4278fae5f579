import { setTimeout as wait } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { pgbouncerDashboard } from "../../../scripts/pgbouncer-dashboard.ts";
import { labHost, onHost } from "../lab-hosts.ts";
import { MONITORS } from "./receivers.ts";
import { load, POOLERS } from "./rehearsal.ts";
import { client, PORTS } from "./setting.ts";

export function dashboardUnderLoad(): void {
  // From here on nobody looks at what they see, and they look every second.
  afterAll(() =>
    Promise.all(MONITORS.map((host) => onHost(host, "systemctl stop prometheus prometheus-alertmanager"))),
  );

  test("every panel of the dashboard shows something under load", async () => {
    const ends = await Promise.all(POOLERS.map((host) => load(host, 4, "select pg_sleep(0.02)")));
    const open = new Set(
      pgbouncerDashboard().panels.flatMap(({ targets }) =>
        targets.flatMap(({ expr }) => MONITORS.map((on) => `${on} ${expr}`)),
      ),
    );
    try {
      for (let tries = 0; open.size > 0 && tries < 150; tries++) {
        await client("pool1", { password: "wrong" }).catch(() => undefined);
        await Promise.all(
          [...open].map(async (line) => {
            const [monitor = "", ...words] = line.split(" ");
            const query = words
              .join(" ")
              .replaceAll(/\$(instance|database)/g, ".*")
              .replaceAll("$__rate_interval", "5s");
            const reply = await fetch(
              `http://${labHost(monitor).address}:${PORTS.prometheus_port}/api/v1/query?query=${encodeURIComponent(query)}`,
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
