import { spawn, spawnSync } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { RunFinished } from "../src/converge/event.ts";
import { labInventory } from "../src/lab/inventory.ts";
import { type LabStatus, labDown, labUp } from "../src/lab/lab.ts";
import { slowLink } from "./slow-link.ts";

/**
 * Measures Plumb against a bare `ssh host true`, in one run, as ratios of medians; writes bench/RESULTS.md. Alternates what it compares, so that whatever else the
 * machine does falls on both.
 *
 * npm run bench [-- --hosts 20] [--rounds 7]
 */
const option = (name: string, fallback: number): number => {
  const index = process.argv.indexOf(`--${name}`);
  return index === -1 ? fallback : Number(process.argv[index + 1]);
};
const HOSTS = option("hosts", 20);
const ROUNDS = option("rounds", 7);
const FOLDER = path.join(".plumb", "bench");
const PLAYBOOK = "bench/playbook.yml";

interface Measured {
  ms: number;
  maxRssKb: number;
  output: string;
}

function run(command: string, args: readonly string[]): Promise<Measured> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn("/usr/bin/env", ["time", "-f", "RSS %M", command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on("close", (code) => {
      const ms = performance.now() - started;
      if (code !== 0)
        reject(new Error(`${command} ${args.join(" ")}: status ${code}: ${output.slice(-2000)}${errors}`));
      else resolve({ ms, maxRssKb: Number(/RSS (\d+)/.exec(errors)?.[1] ?? 0), output });
    });
  });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Runs alternatives in turn, and gives the median and all measurements of each. */
async function alternate(
  alternatives: Readonly<Record<string, () => Promise<Measured>>>,
): Promise<Record<string, { ms: number; all: Measured[] }>> {
  const all: Record<string, Measured[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, act] of Object.entries(alternatives)) all[name] = [...(all[name] ?? []), await act()];
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, one]) => [name, { ms: median(one.map(({ ms }) => ms)), all: one }]),
  );
}

const plumb = (...args: string[]): Promise<Measured> => run("bin/plumb", args);

async function main(): Promise<void> {
  const names = Array.from({ length: HOSTS }, (_, index) => `bench${index + 1}`);
  const lab = await labUp(
    "bench",
    names.map((name) => ({ name, release: "bookworm" as const })),
    (line) => process.stderr.write(`${line}\n`),
  );
  try {
    const inventory = await writeInventory(lab, names);
    process.stderr.write("provisioning\n");
    await plumb("run", PLAYBOOK, "-i", inventory, "--forks", "4");
    await writeResults(await measure(lab, inventory));
  } finally {
    await labDown("bench");
    await rm(FOLDER, { recursive: true, force: true });
  }
}

async function writeInventory(lab: LabStatus, names: readonly string[]): Promise<string> {
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  await cp("inventory/example/group_vars", path.join(FOLDER, "group_vars"), { recursive: true });
  const file = path.join(FOLDER, "hosts.yml");
  await writeFile(file, labInventory(lab, { poolers: [...names], postgresql: [...names] }));
  return file;
}

interface Row {
  what: string;
  ms: number;
  ratio: string;
  aim: string;
  note: string;
}

async function measure(lab: LabStatus, inventory: string): Promise<Row[]> {
  const [first] = lab.hosts;
  if (first === undefined) throw new Error("no host");
  const sshArguments = ["-i", lab.keyFile, "-o", `UserKnownHostsFile=${lab.knownHostsFile}`];
  const noChange =
    (limit: string): (() => Promise<Measured>) =>
    () =>
      plumb("run", PLAYBOOK, "-i", inventory, "--limit", limit, "--output", "json");
  const five = lab.hosts
    .slice(0, 5)
    .map(({ name }) => name)
    .join(",");
  const fleet = await alternate({
    ssh: () => run("ssh", [...sshArguments, `root@${first.address}`, "true"]),
    one: noChange(first.name),
    five: noChange(five),
    all: noChange("all"),
  });
  const start = await alternate({ node: () => run("node", ["-e", "0"]), help: () => plumb("--help") });
  const link = await slowLink(first.address, 12.5);
  const known = path.join(FOLDER, "known_hosts");
  const key = (await readFile(lab.knownHostsFile, "utf8"))
    .split("\n")
    .find((line) => line.includes(first.address))
    ?.split(" ")
    .slice(1)
    .join(" ");
  await writeFile(known, `[127.0.0.1]:${link.port} ${key ?? ""}\n`);
  const far = [
    "-e",
    "ansible_host=127.0.0.1",
    "-e",
    `ansible_port=${link.port}`,
    "-e",
    JSON.stringify({ ansible_ssh_common_args: `-o UserKnownHostsFile=${known}` }),
  ];
  // Seen from the far side nothing may differ: the addresses that stand in files stay those of the near side.
  const slow = await alternate({
    ssh: () =>
      run("ssh", [
        "-p",
        String(link.port),
        "-i",
        lab.keyFile,
        "-o",
        `UserKnownHostsFile=${known}`,
        "root@127.0.0.1",
        "true",
      ]),
    plumb: () =>
      plumb("run", "bench/files.yml", "-i", inventory, "--limit", first.name, "--output", "json", ...far),
  });
  link.close();
  const tasks = lastEvent(fleet["one"]?.all[0]);
  const counts = tasks?.hosts[0];
  const ok = Object.values(counts?.counts ?? {}).reduce((sum, count) => sum + count, 0);
  const ms = (group: Record<string, { ms: number }>, name: string): number => group[name]?.ms ?? 0;
  const ratio = (a: number, b: number): string => (a / b).toFixed(2);
  const rss = Math.max(...(fleet["all"]?.all ?? []).map(({ maxRssKb }) => maxRssKb)) / 1024;
  return [
    { what: "bare `ssh host true`", ms: ms(fleet, "ssh"), ratio: "1", aim: "", note: "" },
    {
      what: `no-change run, 1 host, ${ok} tasks`,
      ms: ms(fleet, "one"),
      ratio: `${ratio(ms(fleet, "one"), ms(fleet, "ssh"))} × ssh`,
      aim: "2 × ssh",
      note: `${counts?.counters?.roundTrips ?? "?"} round trips, ${counts?.counters?.channels ?? "?"} channels, ${counts?.counters?.scripts ?? "?"} scripts`,
    },
    {
      what: "no-change run, 5 hosts",
      ms: ms(fleet, "five"),
      ratio: `${ratio(ms(fleet, "five"), ms(fleet, "one"))} × one host`,
      aim: "",
      note: "",
    },
    {
      what: `no-change run, ${lab.hosts.length} hosts`,
      ms: ms(fleet, "all"),
      ratio: `${ratio(ms(fleet, "all"), ms(fleet, "one"))} × one host`,
      aim: "6 × one host",
      note: `controller: at most ${rss.toFixed(0)} MB`,
    },
    { what: "`ssh host true`, 25 ms away", ms: ms(slow, "ssh"), ratio: "1", aim: "", note: "" },
    {
      what: "no-change run of 40 files, 25 ms away",
      ms: ms(slow, "plumb"),
      ratio: `${ratio(ms(slow, "plumb"), ms(slow, "ssh"))} × ssh there`,
      aim: "",
      note: `${lastEvent(slow["plumb"]?.all[0])?.hosts[0]?.counters?.roundTrips ?? "?"} round trips`,
    },
    { what: "`node -e 0`", ms: ms(start, "node"), ratio: "1", aim: "", note: "" },
    {
      what: "`plumb --help`",
      ms: ms(start, "help"),
      ratio: `${ratio(ms(start, "help"), ms(start, "node"))} × node`,
      aim: "1.5 × node",
      note: "",
    },
  ];
}

function lastEvent(measured: Measured | undefined): RunFinished | undefined {
  const line = measured?.output.trim().split("\n").at(-1);
  return line === undefined ? undefined : (JSON.parse(line) as RunFinished);
}

async function writeResults(rows: readonly Row[]): Promise<void> {
  const node = spawnSync("node", ["--version"]).stdout.toString().trim();
  const lines = [
    "# Measured",
    "",
    `Medians of ${ROUNDS} rounds, measured in turn in one run; lab hosts with Debian 12 on the same machine (2 cores), Node ${node}. Repeat with \`npm run bench\`.`,
    "Compare ratios, not times: they are of one machine, on one day.",
    "",
    "| what | median | ratio | aim | besides |",
    "| --- | --- | --- | --- | --- |",
    ...rows.map(
      ({ what, ms, ratio, aim, note }) =>
        `| ${what} | ${(ms / 1000).toFixed(3)} s | ${ratio} | ${aim} | ${note} |`,
    ),
  ];
  await writeFile("bench/RESULTS.md", `${lines.join("\n")}\n`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

await main();
