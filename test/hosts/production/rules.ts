import { expect, test } from "vitest";
import { pgbouncerDashboard } from "../../../scripts/pgbouncer-dashboard.ts";
import { alertCases, ruleTest } from "../../cases/prometheus/alert-cases.ts";
import { labHost, onHost, sendToHost } from "../lab-hosts.ts";
import { MONITORS } from "./receivers.ts";
import { rehearsal } from "./rehearsal.ts";
import { PORTS, provision } from "./setting.ts";

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
    expect((await provision("monitoring.yml", { extra: rehearsal() })).failed).toEqual([]);
    for (const host of MONITORS) {
      const route = (severity: string): Promise<string> =>
        onHost(
          host,
          `amtool config routes test --config.file=/etc/prometheus/alertmanager.yml severity=${severity}`,
        );
      expect([await route("critical"), await route("warning")]).toEqual(["pager\n", "mailbox\n"]);
    }
  });

  test("where Grafana is, it is given the dashboard and its data source", async () => {
    expect(await onHost("db2", "ls /var/lib/grafana 2>/dev/null || true")).toBe("");
    await onHost(
      "mon1",
      "mkdir -p /etc/grafana/provisioning/dashboards /etc/grafana/provisioning/datasources",
    );
    expect((await provision("monitoring.yml", { extra: rehearsal(), limit: "mon1" })).failed).toEqual([]);
    expect((await provision("monitoring.yml", { extra: rehearsal(), limit: "mon1" })).changed).toEqual([]);
    const shown = JSON.parse(
      await onHost("mon1", "cat /var/lib/grafana/dashboards/pgbouncer.json"),
    ) as unknown;
    expect(shown).toEqual(JSON.parse(JSON.stringify(pgbouncerDashboard())));
    expect(await onHost("mon1", "cat /etc/grafana/provisioning/datasources/plumb.yml")).toContain(
      `url: http://${labHost("mon1").address}:${PORTS.prometheus_port}`,
    );
  });
}
