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

test("panels have places of their own, and ask only for what rules record or the endpoint gives", async () => {
  const { panels } = pgbouncerDashboard();
  const places = panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
  expect(new Set(places).size).toBe(panels.length);
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
