import { cp, mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { labInventory } from "../src/lab/inventory.ts";
import { type LabStatus, labDown, labUp } from "../src/lab/lab.ts";
import { fail, heading, keepRecordsIn, onHost, plumb, say } from "./demo-stage.ts";

/**
 * The story of Plumb on real hosts: provision, prove, run again, break by hand, see what is broken, mend.
 * `npm run demo -- --down` takes everything away again.
 */
const LAB = "demo";
const FOLDER = path.join(".plumb", "demo");
const INVENTORY = path.join(FOLDER, "hosts.yml");
const PLAYBOOK = "playbooks/pgbouncer.yml";

/** What an absent-minded colleague does to pool1, and what check mode must name for each. */
const DRIFT: readonly { what: string; command: string; named: RegExp }[] = [
  {
    what: "a setting in pgbouncer.ini",
    command: "sed -i 's/^default_pool_size = .*/default_pool_size = 3/' /etc/pgbouncer/pgbouncer.ini",
    named: /Its configuration/,
  },
  {
    what: "the mode of the HBA file",
    command: "chmod 0666 /etc/pgbouncer/pg_hba.conf",
    named: /Who may connect, and from where/,
  },
  {
    what: "the service, stopped",
    command: "systemctl stop pgbouncer",
    named: /Running now and after a reboot/,
  },
  {
    what: "a firewall rule, deleted",
    command:
      "nft delete rule inet plumb input handle $(nft -a list chain inet plumb input | sed -n 's/.*pgbouncer.*# handle //p' | head -n 1)",
    named: /firewall : Rules/,
  },
  {
    what: "the private key, readable by all",
    command: "chmod 0644 /etc/pgbouncer/tls/server.key",
    named: /A key and a certificate/,
  },
];

async function main(): Promise<void> {
  keepRecordsIn(FOLDER);
  if (process.argv.includes("--down")) {
    await labDown(LAB);
    await rm(FOLDER, { recursive: true, force: true });
    // Where others have something in it, it stays.
    await rmdir(path.dirname(FOLDER)).catch(() => undefined);
    process.stdout.write("The demo's hosts are gone.\n");
    return;
  }
  heading("1. Four hosts, as freshly installed");
  await labDown(LAB);
  const lab = await labUp(
    LAB,
    [
      { name: "db1", release: "bookworm" },
      { name: "pool1", release: "bookworm" },
      { name: "pool2", release: "trixie" },
      { name: "app1", release: "bookworm" },
    ],
    say,
  );
  for (const host of lab.hosts)
    say(`${host.name}  ${host.address}  Debian ${host.release === "bookworm" ? 12 : 13}`);
  await writeInventory(lab);

  heading("2. First run: PostgreSQL, PgBouncer, TLS, firewall");
  await plumb(0, "run", PLAYBOOK, "-i", INVENTORY);

  heading(
    "3. Queries through each pooler (TLS verified, SCRAM, auth_query): from the poolers themselves and from app1",
  );
  await plumb(0, "run", PLAYBOOK, "-i", INVENTORY, "--limit", "poolers:clients", "--tags", "health", "-v");

  heading("4. Second run: nothing changes");
  await plumb(0, "run", PLAYBOOK, "-i", INVENTORY, "--detailed-exitcode");

  heading("5. Somebody changes five things on pool1 by hand");
  for (const { what, command } of DRIFT) {
    say(`- ${what}`);
    await onHost(lab, "pool1", command);
  }

  heading("6. What is out of true? (--check --diff changes nothing)");
  const found = await plumb(3, "run", PLAYBOOK, "-i", INVENTORY, "--check", "--diff", "--detailed-exitcode");
  requireExactly(found);

  heading("7. A run mends them");
  await plumb(5, "run", PLAYBOOK, "-i", INVENTORY, "--detailed-exitcode");

  heading("8. A last check finds nothing");
  await plumb(0, "run", PLAYBOOK, "-i", INVENTORY, "--check", "--detailed-exitcode");
  say(`
Look around: bin/plumb lab ssh pool1 --name ${LAB}
Run it yourself: bin/plumb run ${PLAYBOOK} -i ${INVENTORY} -v
Take it down: npm run demo -- --down`);
}

async function writeInventory(lab: LabStatus): Promise<void> {
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  await rm(path.join(FOLDER, "pki"), { recursive: true, force: true });
  await cp("inventory/example/group_vars", path.join(FOLDER, "group_vars"), { recursive: true });
  const groups = { postgresql: ["db1"], poolers: ["pool1", "pool2"], clients: ["app1"] };
  await writeFile(INVENTORY, labInventory(lab, groups, "admin"));
}

/** Check mode must name the five, and nothing else. */
function requireExactly(output: string): void {
  const lines = output.split("\n").filter((line) => /^\S+ {2}would change {2}/.test(line));
  const missed = DRIFT.filter(({ named }) => !lines.some((line) => named.test(line)));
  const more = lines.filter((line) => !DRIFT.some(({ named }) => named.test(line)));
  if (missed.length > 0) fail(`check mode did not name: ${missed.map(({ what }) => what).join(", ")}`);
  if (more.length > 0) fail(`check mode named more than was changed:\n${more.join("\n")}`);
  say("Exactly these five, and nothing else.");
}

await main();
