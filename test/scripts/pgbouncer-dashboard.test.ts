import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { pgbouncerDashboard } from "../../scripts/pgbouncer-dashboard.ts";

const RULES = "roles/prometheus/templates/pgbouncer.rules.yml.hbs";
const ENDPOINT = "roles/pgbouncer_health/files/PgbouncerHealth";

test("the dashboard that ships is the one that the builder makes", async () => {
  const shipped = JSON.parse(
    await readFile("roles/grafana_dashboard/files/pgbouncer.json", "utf8"),
  ) as unknown;
  expect(shipped).toEqual(JSON.parse(JSON.stringify(pgbouncerDashboard())));
});

test("panels have places and numbers of their own within Grafana's 24 columns, use variables that there are, and no interval of their own", () => {
  const { panels, templating } = pgbouncerDashboard();
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const known = ["__rate_interval", ...templating.list.map(({ name }) => name)];
  for (const { targets, datasource } of panels) {
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    for (const { expr } of targets) {
      const used = [...`${expr} ${datasource.uid}`.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name);
      expect(used.filter((name) => !known.includes(name ?? ""))).toEqual([]);
      // Shorter than the scrape interval, a rate would show nothing.
      expect(expr).not.toMatch(/\[\d/);
    }
  }
});

test("panels ask only for what rules record or the endpoint gives", async () => {
  const { panels } = pgbouncerDashboard();
  const rules = await readFile(RULES, "utf8");
  const files = (await readdir(ENDPOINT)).map((name) => readFile(path.join(ENDPOINT, name), "utf8"));
  const endpoint = (await Promise.all(files)).join("");
  const names = panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) => expr.match(/pgbouncer[_:][a-z_:]+/g) ?? []),
  );
  const unknown = names.filter((name) => {
    if (name.includes(":")) return !rules.includes(`record: ${name}\n`);
    const short = name.replace(/^pgbouncer_(stats_totals_|pools_|process_)?/, "");
    return !endpoint.includes(short);
  });
  expect(unknown).toEqual([]);
});

test("every alert has a severity that a route knows, a summary and what to do", async () => {
  const { prometheus_pgbouncer_alerts: alerts } = parse(
    await readFile("roles/prometheus/vars/main.yml", "utf8"),
    {
      logLevel: "silent",
    },
  ) as { prometheus_pgbouncer_alerts: Record<string, Record<string, string>> };
  for (const [name, alert] of Object.entries(alerts)) {
    expect(`${name} ${alert["severity"]}`).toMatch(/ (info|warning|critical)$/);
    expect(alert["summary"]).toBeTruthy();
    expect(alert["description"]).toBeTruthy();
  }
});
