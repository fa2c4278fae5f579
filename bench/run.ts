import { spawnSync } from "node:child_process";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { RunFinished } from "../src/converge/event.ts";
import { labInventory } from "../src/lab/inventory.ts";
import { type LabStatus, labDown, labUp } from "../src/lab/lab.ts";
import { type Measured, measure, median } from "./measure.ts";
import { options } from "./options.ts";
import { quiet } from "./quiet.ts";
import { writeSection } from "./results.ts";
import { slowLink } from "./slow-link.ts";

/**
 * Measures Plumb against a bare `ssh host true`, in one run, as ratios of medians; writes bench/RESULTS.md. Alternates what it compares, so that whatever else the
 * machine does falls on both.
 *
 * npm run bench [-- --hosts 20] [--rounds 7]
 */
const given = options("npm run bench --", { hosts: "20", rounds: "7" });
const HOSTS = Number(given.hosts);
const ROUNDS = Number(given.rounds);
const FOLDER = path.join(".plumb", "bench");
const PLAYBOOK = "bench/playbook.yml";

/** Runs alternatives in turn, each on a quiet machine and after what prepares it, and gives the median and all measurements of each. */
async function alternate(
  alternatives: Readonly<Record<string, () => Promise<Measured>>>,
  { rounds = ROUNDS, prepare }: { rounds?: number; prepare?: () => Promise<unknown> } = {},
): Promise<Record<string, { ms: number; all: Measured[] }>> {
  const all: Record<string, Measured[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, act] of Object.entries(alternatives)) {
      await prepare?.();
      if (!(await quiet())) process.stderr.write(`${name}: the machine is busy\n`);
      all[name] = [...(all[name] ?? []), await act()];
    }
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, one]) => [name, { ms: median(one.map(({ ms }) => ms)), all: one }]),
  );
}

const plumb = (...args: string[]): Promise<Measured> => measure("bin/plumb", args);

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
    await writeResults(await measureAll(lab, inventory));
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

async function measureAll(lab: LabStatus, inventory: string): Promise<Row[]> {
  const [first] = lab.hosts;
  if (first === undefined) throw new Error("no host");
  const sshArguments = ["-i", lab.keyFile, "-o", `UserKnownHostsFile=${lab.knownHostsFile}`];
  const manySsh = [
    ...lab.hosts.map(({ address }) => `ssh ${sshArguments.join(" ")} root@${address} true &`),
    "wait",
  ].join("\n");
  const noChange =
    (limit: string): (() => Promise<Measured>) =>
    () =>
      plumb("run", PLAYBOOK, "-i", inventory, "--limit", limit, "--output", "json");
  const five = lab.hosts
    .slice(0, 5)
    .map(({ name }) => name)
    .join(",");
  const loginEverywhere = (): Promise<Measured> => measure("sh", ["-c", manySsh]);
  const fleet = await alternate(
    {
      ssh: () => measure("ssh", [...sshArguments, `root@${first.address}`, "true"]),
      one: noChange(first.name),
      five: noChange(five),
      all: noChange("all"),
      manySsh: loginEverywhere,
    },
    // A host starts a systemd for a user who logs in, which costs it as much as sshd, and ends it ten seconds after the last login. So that it is there for each alike, not
    // only where another was measured shortly before.
    { prepare: loginEverywhere },
  );
  // The first one keeps its compiled code.
  await plumb("--help");
  const start = await alternate(
    { node: () => measure("node", ["-e", "0"]), help: () => plumb("--help") },
    { rounds: ROUNDS * 5 },
  );
  const link = await slowLink(first.address, 12.5);
  const config = path.join(FOLDER, "ssh_config");
  await writeFile(config, farAway(lab, first.address, link.port));
  // Only the way to the host is another: its address, and so what stands in its files, stays.
  const far = ["-e", JSON.stringify({ ansible_ssh_common_args: `-F ${path.resolve(config)}` })];
  const loginFarAway = (): Promise<Measured> =>
    measure("ssh", ["-F", config, "-i", lab.keyFile, `root@${first.address}`, "true"]);
  const thousand = await thousandFiles();
  await plumb("run", thousand, "-i", inventory, "--limit", first.name);
  const slow = await alternate(
    {
      ssh: loginFarAway,
      plumb: () => plumb("run", PLAYBOOK, "-i", inventory, "--limit", first.name, "--output", "json", ...far),
      files: () => plumb("run", thousand, "-i", inventory, "--limit", first.name, "--output", "json", ...far),
    },
    { prepare: loginFarAway },
  );
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
    {
      what: `bare \`ssh host true\`, ${lab.hosts.length} hosts at once`,
      ms: ms(fleet, "manySsh"),
      ratio: `${ratio(ms(fleet, "manySsh"), ms(fleet, "ssh"))} × one`,
      aim: "",
      note: "all hosts share the controller's two cores",
    },
    { what: "`ssh host true`, 25 ms away", ms: ms(slow, "ssh"), ratio: "1", aim: "", note: "" },
    {
      what: "no-change run, 1 host, 25 ms away",
      ms: ms(slow, "plumb"),
      ratio: `${ratio(ms(slow, "plumb"), ms(slow, "ssh"))} × ssh there`,
      aim: "",
      note: `${tripsOf(slow["plumb"]?.all[0])} round trips`,
    },
    {
      what: "no-change run of 1,000 files, 25 ms away",
      ms: ms(slow, "files"),
      ratio: `${ratio(ms(slow, "files"), ms(slow, "ssh"))} × ssh there`,
      aim: "2 s",
      note: `${tripsOf(slow["files"]?.all[0])} round trips`,
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

/** Leads ssh, and Plumb with it, to a host through a slow link. */
function farAway(lab: LabStatus, address: string, port: number): string {
  const lines = [
    `Host ${address}`,
    "  HostName 127.0.0.1",
    `  Port ${port}`,
    `  HostKeyAlias ${address}`,
    `  UserKnownHostsFile ${lab.knownHostsFile}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** A playbook with a thousand small files, a task each. */
async function thousandFiles(): Promise<string> {
  const tasks = Array.from(
    { length: 1000 },
    (_, index) => `    - copy: {content: "file ${index}\\n", dest: /srv/thousand/${index}, mode: "0644"}`,
  );
  const file = path.join(FOLDER, "thousand.yml");
  const head = "- hosts: all\n  tasks:\n    - file: {path: /srv/thousand, state: directory}";
  await writeFile(file, `${[head, ...tasks].join("\n")}\n`);
  return file;
}

const tripsOf = (measured: Measured | undefined): number | string =>
  lastEvent(measured)?.hosts[0]?.counters?.roundTrips ?? "?";

function lastEvent(measured: Measured | undefined): RunFinished | undefined {
  const line = measured?.output.trim().split("\n").at(-1);
  return line === undefined ? undefined : (JSON.parse(line) as RunFinished);
}

async function writeResults(rows: readonly Row[]): Promise<void> {
  const node = spawnSync("node", ["--version"]).stdout.toString().trim();
  const lines = [
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
  writeSection("## One playbook", lines);
  process.stdout.write(`${lines.join("\n")}\n`);
}

await main();
