import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { labInventory } from "../src/lab/inventory.ts";
import { type LabStatus, labDown, labUp } from "../src/lab/lab.ts";
import { type Measured, measure, median } from "./measure.ts";
import { options } from "./options.ts";
import { writeSection } from "./results.ts";

/**
 * Measures the first run of bench/playbook.yml on a fresh host against what the host itself needs for it: the same apt-get commands, taken from that host's own log, and the same
 * services started once, typed into a shell on another fresh host.
 *
 * node bench/first-run.ts [--rounds 3]
 */
const ROUNDS = Number(options("node bench/first-run.ts", { rounds: "3" }).rounds);
const FOLDER = path.join(".plumb", "first-run");
const INVENTORY = path.join(FOLDER, "hosts.yml");

/** On a host, by ssh. */
function onHost(lab: LabStatus, name: string, script: string): Promise<Measured> {
  const address = lab.hosts.find((host) => host.name === name)?.address ?? name;
  return measure("ssh", [
    "-i",
    lab.keyFile,
    "-o",
    `UserKnownHostsFile=${lab.knownHostsFile}`,
    `root@${address}`,
    script,
  ]);
}

/** The services that the playbook starts, but for those that it writes itself: once each, as the playbook does, so packages don't start them. */
const START = "systemctl start postgresql@15-main pgbouncer && systemctl restart nftables";
const START_NOTHING =
  "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 0755 /usr/sbin/policy-rc.d";

async function main(): Promise<void> {
  const rounds = Array.from({ length: ROUNDS }, (_, round) => round + 1);
  const ours = rounds.map((round) => `ours${round}`);
  const names = ["warm", ...ours, ...rounds.map((round) => `theirs${round}`)];
  const lab = await labUp(
    "bench",
    names.map((name) => ({ name, release: "bookworm" as const })),
    (line) => process.stderr.write(`${line}\n`),
  );
  try {
    await mkdir(FOLDER, { recursive: true, mode: 0o700 });
    await cp("inventory/example/group_vars", path.join(FOLDER, "group_vars"), { recursive: true });
    await writeFile(INVENTORY, labInventory(lab, { poolers: names, postgresql: names }));
    const provision = (name: string): Promise<Measured> =>
      measure("bin/plumb", ["run", "bench/playbook.yml", "-i", INVENTORY, "--limit", name]);
    process.stderr.write("filling the cache of packages\n");
    await provision("warm");
    const measured: { ours: number; theirs: number }[] = [];
    for (const round of rounds) {
      process.stderr.write(`round ${round}\n`);
      const own = await provision(`ours${round}`);
      const log = await onHost(lab, `ours${round}`, "sed -n 's/^Commandline: //p' /var/log/apt/history.log");
      const commands = [
        START_NOTHING,
        "apt-get -q update",
        ...log.output.trim().split("\n"),
        "rm /usr/sbin/policy-rc.d",
        START,
      ].join(" && ");
      const by = await onHost(lab, `theirs${round}`, `export DEBIAN_FRONTEND=noninteractive; ${commands}`);
      measured.push({ ours: own.ms, theirs: by.ms });
    }
    const seconds = (of: readonly number[]): string => (median(of) / 1000).toFixed(1);
    writeSection("## The first run", [
      `bench/playbook.yml on a fresh host, against its apt-get commands and the starts of its services in a shell on another one; ${ROUNDS} rounds in turn. Repeat with \`node bench/first-run.ts\`.`,
      "",
      "| Plumb | apt-get and services alone | ratio | aim |",
      "| --- | --- | --- | --- |",
      `| ${seconds(measured.map((one) => one.ours))} s | ${seconds(measured.map((one) => one.theirs))} s | ${median(measured.map((one) => one.ours / one.theirs)).toFixed(2)} | 1.3 |`,
    ]);
  } finally {
    await labDown("bench");
    await rm(FOLDER, { recursive: true, force: true });
  }
}

await main();
