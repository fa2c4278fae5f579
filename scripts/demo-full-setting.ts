import path from "node:path";
import type { Report } from "../src/acceptance/report.ts";
import { doubtWords } from "../src/acceptance/report-words.ts";
import { limitWords, withUnit } from "../src/acceptance/verdict.ts";
import { labInventory } from "../src/lab/inventory.ts";
import type { LabStatus } from "../src/lab/lab.ts";
import { bridgeAddress } from "../src/lab/plan.ts";

/** What the large demonstration is given and what it says, without doing anything: so that it can be tested without its hosts. */
export const HOSTS = [
  { name: "db1", release: "bookworm" },
  { name: "db2", release: "bookworm" },
  { name: "pool1", release: "bookworm" },
  { name: "pool2", release: "trixie" },
  { name: "app1", release: "bookworm" },
  { name: "mon1", release: "trixie" },
] as const;

/** Installs one that asks its database once a second, by the one address that it is told. */
export const APPLICATION = `set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null && apt-get -q -y install --no-install-recommends postgresql-client >/dev/null
cat > /etc/systemd/system/shop.service <<'END'
[Unit]
Description=An application that asks its database once a second
[Service]
EnvironmentFile=/etc/shop/database.env
ExecStart=/bin/sh -c 'while sleep 1; do psql "$$DATABASE_URL" -Atc "select to_char(now(), \\$\\$HH24:MI:SS\\$\\$) || \\$\\$: answered by \\$\\$ || inet_server_addr()"; done'
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload && systemctl enable --quiet shop`;

/** The text of hosts.yml, for playbooks/site.yml with the example's group_vars. */
export function demoInventory(lab: LabStatus): string {
  const groups = {
    postgresql: ["db1"],
    postgresql_replicas: ["db2"],
    poolers: ["pool1", "pool2"],
    balancers: ["pool1", "pool2"],
    clients: ["app1"],
    monitoring: ["mon1"],
  };
  const variables = {
    ha_virtual_address: virtualAddress(lab),
    // This machine may ask, too, and look at the web pages.
    pgbouncer_other_clients: [bridgeAddress(lab)],
    monitoring_viewers: [bridgeAddress(lab)],
    application_database_service: "shop",
    application_database_group: "root",
    application_database_host: virtualAddress(lab),
    application_database_name: "app",
    application_database_user: "app",
    application_database_password: "{{ app_password }}",
  };
  return labInventory(lab, groups, "admin", variables);
}

/** What the acceptance found: a line for each pooler's requirement. */
export function verdictLines({ poolers }: Report): string[] {
  const lines = poolers.flatMap(({ name, version, requirements, tests }) => [
    `\n${name}, PgBouncer ${version}`,
    ...requirements.map((verdict) => {
      const figure = verdict.value === null ? "" : withUnit(verdict.value, verdict.unit);
      return `  ${verdict.title.padEnd(36)} ${(doubtWords(verdict) === "too noisy" ? "too noisy" : verdict.status).padEnd(12)} ${figure.padStart(12)}   ${limitWords(verdict)} is required`;
    }),
    `  ${tests.filter((one) => one.status === "passed").length} of ${tests.length} functional tests passed`,
  ]);
  return [
    ...lines,
    "\nSix hosts on one machine: how long something takes here is no measure of yours. A login is mostly arithmetic. The report says what is `too noisy`: other work had the processors.",
  ];
}

/** Where to look and what to try. `folder` holds the inventory. */
export function whereToLook(lab: LabStatus, folder: string): string {
  const address = (name: string): string => lab.hosts.find((host) => host.name === name)?.address ?? "";
  return `
Prometheus              http://${address("mon1")}:9090/graph?g0.expr=pgbouncer_pools_client_active_connections
Its alerts              http://${address("mon1")}:9090/alerts
Alertmanager            http://${address("mon1")}:9093
The acceptance's report ${path.resolve(folder)}/reports/pgbouncer/report.html
The application's log   bin/plumb lab ssh app1 --name ${lab.name} -- journalctl -f -u shop
The poolers             bin/plumb pgbouncer status poolers -i ${path.join(folder, "hosts.yml")} --watch
A query from here       PGPASSWORD=$(cat ${folder}/secrets/app) psql 'host=${virtualAddress(lab)} port=6432 dbname=app user=app sslmode=verify-full sslrootcert=${folder}/pki/ca.crt'
Restart the poolers     bin/plumb run playbooks/restart-pgbouncer.yml -i ${path.join(folder, "hosts.yml")}
Take it down            npm run demo:full -- --down`;
}

const virtualAddress = (lab: LabStatus): string => bridgeAddress(lab).replace(/\.1$/, ".200");
