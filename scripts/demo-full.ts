import { cp, mkdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { reportSchema } from "../src/acceptance/report.ts";
import { type LabStatus, labDown, labUp } from "../src/lab/lab.ts";
import { APPLICATION, demoInventory, HOSTS, verdictLines, whereToLook } from "./demo-full-setting.ts";
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
  const lab = await labUp(LAB, HOSTS, say);
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
  const report = await readFile(path.join(FOLDER, "reports", "pgbouncer", "report.json"), "utf8");
  for (const line of verdictLines(reportSchema.parse(JSON.parse(report)))) say(line);
  say(whereToLook(lab, FOLDER));
}

async function writeInventory(lab: LabStatus): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  await cp("inventory/example/group_vars", path.join(FOLDER, "group_vars"), { recursive: true });
  await writeFile(INVENTORY, demoInventory(lab));
}

await main();
