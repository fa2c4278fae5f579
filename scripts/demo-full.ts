import { cp, mkdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { reportSchema } from "../src/acceptance/report.ts";
import { limitWords, withUnit } from "../src/acceptance/verdict.ts";
import { labInventory } from "../src/lab/inventory.ts";
import { type LabStatus, labDown, labUp } from "../src/lab/lab.ts";
import { bridgeAddress } from "../src/lab/plan.ts";
import { heading, keepRecordsIn, onHost, plumb, say } from "./demo-stage.ts";

/**
 * All of it on six real hosts: PostgreSQL with a replica, two poolers of different releases behind one address, monitoring, an application; then the acceptance, and where to
 * look. `npm run demo:full -- --down` takes everything away again.
 */
const LAB = "demofull";
const FOLDER = path.join(".plumb", "demo-full");
const INVENTORY = path.join(FOLDER, "hosts.yml");
const ACCEPTANCE = "playbooks/verify-pgbouncer.yml";

async function main(): Promise<void> {
  keepRecordsIn(FOLDER);
  if (process.argv.includes("--down")) {
    await labDown(LAB);
    await rm(FOLDER, { recursive: true, force: true });
    // Where others have something in it, it stays.
    await rmdir(path.dirname(FOLDER)).catch(() => undefined);
    say("The demo's hosts are gone.");
    return;
  }
  heading("1. Six hosts, as freshly installed");
  await labDown(LAB);
  const lab = await labUp(
    LAB,
    [
      { name: "db1", release: "bookworm" },
      { name: "db2", release: "bookworm" },
      { name: "pool1", release: "bookworm" },
      { name: "pool2", release: "trixie" },
      { name: "app1", release: "bookworm" },
      { name: "mon1", release: "trixie" },
    ],
    say,
  );
  for (const host of lab.hosts)
    say(`${host.name}  ${host.address}  Debian ${host.release === "bookworm" ? 12 : 13}`);
  await writeInventory(lab);

  heading("2. An application on app1, which does not know its database yet");
  await onHost(lab, "app1", APPLICATION);

  heading(
    "3. playbooks/site.yml: PostgreSQL, replica, poolers, HAProxy and keepalived, Prometheus, the application",
  );
  await plumb(0, "run", "playbooks/site.yml", "-i", INVENTORY);

  heading("4. Again: nothing changes");
  await plumb(0, "run", "playbooks/site.yml", "-i", INVENTORY, "--detailed-exitcode");

  heading("5. The acceptance: measured, not promised");
  // Six hosts on one machine are no measure of yours: it is told what was missed, and that does not end the demo.
  await plumb(0, "run", ACCEPTANCE, "-i", INVENTORY, "-e", '{"verify_only_report": true}');

  heading("What there is to see");
  await plumb(0, "pgbouncer", "status", "poolers", "-i", INVENTORY);
  await onHost(lab, "app1", "journalctl -u shop -n 3 --no-pager -o cat");
  await verdicts();
  addresses(lab);
}

/** Asks its database once a second, by the one address that it is told. */
const APPLICATION = `set -e
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

async function writeInventory(lab: LabStatus): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  await cp("inventory/example/group_vars", path.join(FOLDER, "group_vars"), { recursive: true });
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
  await writeFile(INVENTORY, labInventory(lab, groups, "admin", variables));
}

/** What the acceptance found: a line for each pooler's requirement. */
async function verdicts(): Promise<void> {
  const text = await readFile(path.join(FOLDER, "reports", "pgbouncer", "report.json"), "utf8");
  const { poolers } = reportSchema.parse(JSON.parse(text));
  for (const { name, version, requirements, tests } of poolers) {
    say(`\n${name}, PgBouncer ${version}`);
    for (const verdict of requirements) {
      const figure = verdict.value === null ? "" : withUnit(verdict.value, verdict.unit);
      say(
        `  ${verdict.title.padEnd(36)} ${verdict.status.padEnd(12)} ${figure.padStart(12)}   ${limitWords(verdict)} is required`,
      );
    }
    const passed = tests.filter((one) => one.status === "passed");
    say(`  ${passed.length} of ${tests.length} functional tests passed`);
  }
  say(
    "\nSix hosts on one machine: how long something takes here is no measure of yours. A login is mostly arithmetic.",
  );
}

function addresses(lab: LabStatus): void {
  const address = (name: string): string => lab.hosts.find((host) => host.name === name)?.address ?? "";
  say(`
Prometheus              http://${address("mon1")}:9090/graph?g0.expr=pgbouncer_pools_client_active_connections
Its alerts              http://${address("mon1")}:9090/alerts
Alertmanager            http://${address("mon1")}:9093
The acceptance's report ${path.resolve(FOLDER)}/reports/pgbouncer/report.html
The application's log   bin/plumb lab ssh app1 --name ${LAB} -- journalctl -f -u shop
The poolers             bin/plumb pgbouncer status poolers -i ${INVENTORY} --watch
A query from here       PGPASSWORD=$(cat ${FOLDER}/secrets/app) psql 'host=${virtualAddress(lab)} port=6432 dbname=app user=app sslmode=verify-full sslrootcert=${FOLDER}/pki/ca.crt'
Restart the poolers     bin/plumb run playbooks/restart-pgbouncer.yml -i ${INVENTORY}
Take it down            npm run demo:full -- --down`);
}

const virtualAddress = (lab: LabStatus): string => bridgeAddress(lab).replace(/\.1$/, ".200");

await main();
