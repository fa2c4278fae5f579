import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import {
  APPLICATION,
  demoInventory,
  HOSTS,
  verdictLines,
  whereToLook,
} from "../../scripts/demo-full-setting.ts";
import { buildReport } from "../../src/acceptance/report.ts";
import type { LabStatus } from "../../src/lab/lab.ts";
import { layOut } from "../../src/lab/plan.ts";
import { DEMANDS, measured } from "../acceptance/measured.ts";
import { PLUMB } from "../built-plumb.ts";

const run = promisify(execFile);
const lab: LabStatus = {
  ...layOut("demo", 77, HOSTS, []),
  running: new Set(),
  keyFile: "/nowhere/key",
  knownHostsFile: "/nowhere/known_hosts",
};

/** A folder with the demonstration's inventory, as it makes one. */
async function inventory(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-demo-"));
  await cp("inventory/example/group_vars", path.join(folder, "group_vars"), { recursive: true });
  await writeFile(path.join(folder, "hosts.yml"), demoInventory(lab));
  return path.join(folder, "hosts.yml");
}

test("every play of what it runs has hosts: nothing that it announces is left out", async () => {
  const hosts = await inventory();
  for (const playbook of ["site", "verify-pgbouncer"]) {
    const { stdout } = await run(process.execPath, [
      ...[PLUMB, "run", `playbooks/${playbook}.yml`, "-i", hosts, "--list-hosts"],
    ]);
    const counts = [...stdout.matchAll(/hosts \((\d+)\)/g)].map(([, count]) => Number(count));
    expect(counts.length, stdout).toBeGreaterThan(0);
    expect(counts.filter((count) => count === 0)).toEqual([]);
  }
});

test("its virtual address is in the lab's network and nobody's, and the application is told it", async () => {
  const { all } = parse(await readFile(await inventory(), "utf8")) as {
    all: { vars: Record<string, unknown> };
  };
  expect(all.vars["ha_virtual_address"]).toBe("10.213.77.200");
  expect(lab.hosts.map(({ address }) => address)).not.toContain("10.213.77.200");
  expect(all.vars["application_database_host"]).toBe("10.213.77.200");
});

test("what installs its application is a script that a shell reads, and its unit one that systemd does", async () => {
  await run("sh", ["-n", "-c", APPLICATION]);
  const unit = /<<'END'\n([\s\S]*?)END\n/.exec(APPLICATION)?.[1] ?? "";
  expect(unit).toMatch(/^\[Unit\]\n[\s\S]*\[Service\]\n[\s\S]*\[Install\]\n/);
});

test("it tells what was found of each pooler, and where to look", () => {
  const report = buildReport([measured(), measured({}, "1.24.1")], DEMANDS, "2026-01-01T00:00:00.000Z");
  const said = verdictLines(report).join("\n");
  for (const { version, requirements } of report.poolers) {
    expect(said).toContain(`PgBouncer ${version}`);
    for (const { title } of requirements) expect(said).toContain(title);
  }
  expect(said).not.toContain("undefined");
  const where = whereToLook(lab, ".plumb/demo-full");
  const monitor = lab.hosts.find(({ name }) => name === "mon1")?.address;
  expect(where).toContain(`http://${monitor}:9090`);
  expect(where).not.toMatch(/undefined|http:\/\/:/);
});
