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

  test("every panel of the dashboard shows something under load, with the labels that its legend names; every variable has values to choose from", async () => {
    const ends = await Promise.all(POOLERS.map((host) => load(host, 4, "select pg_sleep(0.02)")));
    const { panels, templating } = pgbouncerDashboard();
    const open = new Map(
      panels.flatMap(({ targets }) =>
        targets.flatMap(({ expr, legendFormat }) =>
          MONITORS.map((on) => [`${on} ${expr}`, namesIn(legendFormat)] as const),
        ),
      ),
    );
    for (const { query } of templating.list) {
      const [, metric, label] =
        /^label_values\((\w+), (\w+)\)$/.exec(typeof query === "string" ? "" : query.query) ?? [];
      if (metric !== undefined && label !== undefined)
        for (const on of MONITORS) open.set(`${on} ${metric}`, [label]);
    }
    const unlabelled: string[] = [];
    try {
      for (let tries = 0; open.size > 0 && tries < 150; tries++) {
        await client("pool1", { password: "wrong" }).catch(() => undefined);
        await Promise.all(
          [...open].map(async ([line, labels]) => {
            const [monitor = "", ...words] = line.split(" ");
            const query = words
              .join(" ")
              .replaceAll(/\$(instance|database)/g, ".*")
              .replaceAll("$__rate_interval", "5s");
            const reply = await fetch(
              `http://${labHost(monitor).address}:${PORTS.prometheus_port}/api/v1/query?query=${encodeURIComponent(query)}`,
            );
            const { data } = (await reply.json()) as {
              data?: { result: { metric: Record<string, string> }[] };
            };
            const [first] = data?.result ?? [];
            if (first === undefined) return;
            open.delete(line);
            unlabelled.push(
              ...labels.filter((label) => !(label in first.metric)).map((label) => `${label}: ${line}`),
            );
          }),
        );
        await wait(500);
      }
    } finally {
      await Promise.all(ends.map((end) => end()));
    }
    expect(unlabelled).toEqual([]);
    expect([...open.keys()]).toEqual([]);
  });
}

/** The labels that a legend puts in. */
const namesIn = (legend: string): string[] =>
  [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? "");
