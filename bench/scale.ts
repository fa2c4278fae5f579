import { spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Event, RunFinished } from "../src/converge/event.ts";
import { labInventory } from "../src/lab/inventory.ts";
import { type LabStatus, labDown, labUp } from "../src/lab/lab.ts";
import { type Measured, measure } from "./measure.ts";
import { options } from "./options.ts";
import { writeSection } from "./results.ts";

/**
 * Measures how a run grows with the number of hosts: names of an inventory that lead to accounts of their own on a few lab hosts. A run of four tasks with nothing to do, facts on.
 *
 * node bench/scale.ts [--lab-hosts 4] [--hosts 100,500,1000,2000]
 */
const given = options("node bench/scale.ts", { "lab-hosts": "4", hosts: "100,500,1000,2000" });
const LAB_HOSTS = Number(given["lab-hosts"]);
const COUNTS = given.hosts.split(",").map(Number);
const FOLDER = path.join(".plumb", "scale");

interface MeasuredRun extends Measured {
  hosts: number;
  finished: RunFinished;
  /** Hosts that sshd turned away, or was slow to let in, at first. */
  triedAgain: number;
}

/** Name after name leads to another account: each has a lock and a state of its own, as hosts have. */
function manyHosts(lab: LabStatus, count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const { address } = lab.hosts[index % lab.hosts.length] ?? { address: "" };
    return `h${String(index + 1).padStart(4, "0")} ansible_host=${address} ansible_user=many${Math.floor(index / lab.hosts.length) + 1}`;
  });
  const variables = [
    `ansible_ssh_private_key_file=${lab.keyFile}`,
    `ansible_ssh_common_args=-o UserKnownHostsFile=${lab.knownHostsFile}`,
  ];
  return ["[many]", ...lines, "[all:vars]", ...variables, ""].join("\n");
}

async function measureRun(
  inventory: string,
  hosts: number,
  more: readonly string[] = [],
): Promise<MeasuredRun> {
  process.stderr.write(`${hosts} hosts ${more.join(" ")}\n`);
  const limit = `many[0:${hosts - 1}]`;
  const common = ["-i", inventory, "--limit", limit, "--output", "json", "--no-record", ...more];
  let finished: RunFinished | undefined;
  let triedAgain = 0;
  const look = (line: string): void => {
    if (!/^\{"type":"(?:host-connected|run-finished)"/.test(line)) return;
    const event = JSON.parse(line) as Event;
    if (event.type === "run-finished") finished = event;
    else if (event.type === "host-connected" && event.tries !== undefined) triedAgain += 1;
  };
  const measured = await measure("bin/plumb", ["run", "bench/scale.yml", ...common], { eachLine: look });
  if (finished === undefined) throw new Error("the run did not come to its end");
  return { ...measured, hosts, finished, triedAgain };
}

const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;

function rowOf(what: string, one: MeasuredRun, base: MeasuredRun, first: MeasuredRun): string {
  const perHost = (one.cpuMs - base.cpuMs) / one.hosts;
  const seconds = one.finished.hosts.map(({ durationMs }) => durationMs / 1000);
  const growth = one.ms / one.hosts / (first.ms / first.hosts);
  const cells = [
    what,
    `${(one.ms / 1000).toFixed(1)} s`,
    `${growth.toFixed(2)} × per host`,
    `${perHost.toFixed(1)} ms`,
    `${(one.maxRssKb / 1024).toFixed(0)} MB`,
    `${((one.maxRssKb - base.maxRssKb) / one.hosts).toFixed(0)} kB`,
    `${percentile(seconds, 0.5).toFixed(1)} s, ${percentile(seconds, 1).toFixed(1)} s`,
    String(one.triedAgain),
  ];
  return `| ${cells.join(" | ")} |`;
}

async function main(): Promise<void> {
  const most = Math.max(...COUNTS);
  const names = Array.from({ length: LAB_HOSTS }, (_, index) => ({
    name: `many${index + 1}`,
    release: "bookworm" as const,
  }));
  const lab = await labUp("scale", names, (line) => process.stderr.write(`${line}\n`));
  try {
    await mkdir(FOLDER, { recursive: true, mode: 0o700 });
    const few = path.join(FOLDER, "few.yml");
    await writeFile(few, labInventory(lab, {}));
    const accounts = Math.ceil(most / LAB_HOSTS);
    await measure("bin/plumb", [
      "run",
      "bench/scale-hosts.yml",
      "-i",
      few,
      "-e",
      `accounts=${accounts}`,
      "--no-record",
    ]);
    const inventory = path.join(FOLDER, "many.ini");
    await writeFile(inventory, manyHosts(lab, most));
    const base = await measureRun(inventory, 1);
    const rows: MeasuredRun[] = [];
    for (const count of COUNTS) rows.push(await measureRun(inventory, count));
    const together = await measureRun(inventory, Math.min(500, most), ["--forks", "500"]);
    const [first] = rows;
    if (first === undefined) throw new Error("no number of hosts");
    const node = spawnSync("node", ["--version"]).stdout.toString().trim();
    const lines = [
      `Names that lead to accounts of their own on ${LAB_HOSTS} lab hosts, on the same machine (2 cores), Node ${node}; one round. Four tasks with nothing to do, facts on; \`--forks\` 32 where nothing else is said. Repeat with \`node bench/scale.ts\`.`,
      "How fast it goes is up to the lab's sshd, which share the two cores; memory and processor time are the controller's.",
      "",
      "| hosts | time | growth | controller, per host | memory | memory, per host | a host's own time: median, longest | connected at a second try |",
      "| --- | --- | --- | --- | --- | --- | --- | --- |",
      `| 1 | ${(base.ms / 1000).toFixed(1)} s | | ${(base.cpuMs / 1000).toFixed(2)} s in all | ${(base.maxRssKb / 1024).toFixed(0)} MB | | | |`,
      ...rows.map((row) => rowOf(String(row.hosts), row, base, first)),
      rowOf(`${together.hosts}, \`--forks 500\``, together, base, first),
    ];
    writeSection("## Many hosts", lines);
    process.stdout.write(`${lines.join("\n")}\n`);
  } finally {
    await labDown("scale");
    await rm(FOLDER, { recursive: true, force: true });
  }
}

await main();
