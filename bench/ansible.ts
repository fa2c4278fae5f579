import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { labInventory } from "../src/lab/inventory.ts";
import { labDown, labUp } from "../src/lab/lab.ts";
import { measure, median } from "./measure.ts";
import { options } from "./options.ts";
import { writeSection } from "./results.ts";

/**
 * Measures one playbook, bench/same-job.yml, run by Plumb and by Ansible on the same hosts from the same inventory: Debian's ansible-core as it comes, with pipelining, and
 * with the strategy of Debian's ansible-mitogen. First runs, on hosts where nothing of it is, and runs that change nothing. Every run connects anew.
 *
 * node bench/ansible.ts [--hosts 5] [--rounds 3]
 */
const given = options("node bench/ansible.ts", { hosts: "5", rounds: "3" });
const HOSTS = Number(given.hosts);
const ROUNDS = Number(given.rounds);
const FOLDER = path.resolve(".plumb", "ansible");
const PLAYBOOK = path.resolve("bench", "same-job.yml");
const PLUMB = path.resolve("bin", "plumb");
const INVENTORY = path.join(FOLDER, "hosts.yml");

interface Way {
  name: string;
  command: string;
  environment: Readonly<Record<string, string>>;
}

const WAYS: readonly Way[] = [
  { name: "Plumb", command: PLUMB, environment: {} },
  {
    name: "Ansible with Mitogen",
    command: "ansible-playbook",
    environment: { ANSIBLE_STRATEGY: "mitogen_linear" },
  },
  { name: "Ansible with pipelining", command: "ansible-playbook", environment: { ANSIBLE_PIPELINING: "1" } },
  { name: "Ansible as it comes", command: "ansible-playbook", environment: {} },
];

/** Ansible keeps connections for a minute and uses them again: in a folder of its own, each run has none yet. */
async function play({ command, environment }: Way, limit: string): Promise<number> {
  const sockets = await mkdtemp(path.join(FOLDER, "ssh-"));
  const args = [...(command === PLUMB ? ["run"] : []), PLAYBOOK, "-i", INVENTORY, "--limit", limit];
  const more = { ANSIBLE_LOCALHOST_WARNING: "0", ANSIBLE_SSH_CONTROL_PATH_DIR: sockets };
  return (await measure(command, args, { cwd: FOLDER, environment: { ...environment, ...more } })).ms;
}

/** As if it had never been there. */
const UNDO =
  "systemctl disable --now samejob; rm -rf /srv/samejob /etc/systemd/system/samejob.service; crontab -r; systemctl daemon-reload; userdel samejob; true";

async function main(): Promise<void> {
  const names = Array.from({ length: HOSTS }, (_, index) => `same${index + 1}`);
  const lab = await labUp(
    "bench",
    names.map((name) => ({ name, release: "bookworm" as const })),
    (line) => process.stderr.write(`${line}\n`),
  );
  try {
    await mkdir(FOLDER, { recursive: true, mode: 0o700 });
    await writeFile(INVENTORY, labInventory(lab, {}));
    process.stderr.write("what Ansible needs on its hosts\n");
    const python =
      "apt-get -q update && apt-get install -q -y --no-install-recommends python3 python3-apt rsync cron openssl";
    await measure(PLUMB, ["exec", "all", "-i", INVENTORY, "--", python]);
    const measured = new Map<string, number[]>();
    const add = (key: string, ms: number): void => void measured.set(key, [...(measured.get(key) ?? []), ms]);
    const [first = ""] = names;
    for (let round = 0; round < ROUNDS; round++) {
      for (const way of WAYS) {
        process.stderr.write(`round ${round + 1}: ${way.name}\n`);
        await measure(PLUMB, ["exec", "all", "-i", INVENTORY, "--", UNDO]);
        add(`${way.name} first`, await play(way, first));
        add(`${way.name} one`, await play(way, first));
        await play(way, "all");
        add(`${way.name} all`, await play(way, "all"));
      }
    }
    writeTable(measured);
  } finally {
    await labDown("bench");
    await rm(FOLDER, { recursive: true, force: true });
  }
}

function writeTable(measured: ReadonlyMap<string, readonly number[]>): void {
  const ms = (way: string, what: string): number => median(measured.get(`${way} ${what}`) ?? []);
  const cell = (way: string, what: string): string => {
    const times = ms(way, what) / ms("Plumb", what);
    return `${(ms(way, what) / 1000).toFixed(2)} s${way === "Plumb" ? "" : ` (${times.toFixed(times < 10 ? 1 : 0)} ×)`}`;
  };
  const version = (name: string): string =>
    spawnSync("dpkg-query", ["-W", "-f=${Version}", name], { encoding: "utf8" }).stdout;
  writeSection("## The same job by Ansible", [
    `bench/same-job.yml, unchanged for both: 42 tasks with facts, one inventory, the same hosts in turn, medians of ${ROUNDS} rounds. ansible-core ${version("ansible-core")}, ansible-mitogen ${version("ansible-mitogen")}.`,
    "Repeat with `node bench/ansible.ts` where both are installed. Every run connects anew.",
    "",
    `| | first run, 1 host | nothing to change, 1 host | nothing to change, ${HOSTS} hosts |`,
    "| --- | --- | --- | --- |",
    ...WAYS.map(
      ({ name }) => `| ${name} | ${["first", "one", "all"].map((what) => cell(name, what)).join(" | ")} |`,
    ),
  ]);
}

await main();
