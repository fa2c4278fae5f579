import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noCounts } from "../../src/converge/no-counts.ts";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import type { HostWork } from "../../src/fleet/elsewhere.ts";
import { databaseAddress } from "../../src/postgresql/database-address.ts";
import { WorkerQueue } from "../../src/workers/queue.ts";
import { folderWithHosts, labHost, onHost } from "./lab-hosts.ts";
import { type PlumbProcess, startCommand, startPlumb } from "./plumb-process.ts";
import { relayTo } from "./relay.ts";
import { type TeamDatabase, teamDatabase } from "./team-database.ts";

/** What becomes of the queue of `--workers` when a link is cut without a word, when the database stays away, and when another server takes over. */
const DATABASE = "bookworm1";
const HOSTS = ["bookworm1", "trixie1", "bookworm2"];
/** As in production, and shorter. */
const LIMITS = { awayMs: 3_000, answerMs: 500, silentMs: 2_000 };
let team: TeamDatabase;

beforeAll(async () => {
  team = await teamDatabase(DATABASE, ["team_worker"]);
  await team.sql("grant create on database team to team_worker");
}, 300_000);

afterAll(async () => {
  // A server that waits for a standby would wait forever.
  await onHost(
    DATABASE,
    `nft list tables | grep ' cut_' | while read -r one; do nft delete $one; done; v=$(ls /etc/postgresql); cd /
[ ! -e /etc/postgresql/$v/standby ] || pg_dropcluster --stop $v standby
systemctl start postgresql@$v-main; runuser -u postgres -- psql -qX -c 'alter system reset all' -c 'select pg_reload_conf()' >/dev/null`,
  );
  await team.remove();
});

interface Opened {
  queue: WorkerQueue;
  told: string[];
}

async function open(
  name: string,
  servers = `${labHost(DATABASE).address}:5432`,
  limits = LIMITS,
): Promise<Opened> {
  const told: string[] = [];
  const address = databaseAddress(`postgres://team_worker@${servers}/team?sslmode=require`, {
    option: "--workers",
    isPublic: true,
    secrets: new Secrets(),
    environment: { PGPASSWORD: team.password },
  });
  const news = {
    away: (trouble: string) => void told.push(`away: ${trouble}`),
    back: () => void told.push("back"),
  };
  return { queue: await WorkerQueue.open(address, name, news, limits), told };
}

/** What goes between the database and others, or one port of theirs, gets lost, and nobody says so. */
const drop = (port = "0-65535"): Promise<string> =>
  onHost(
    DATABASE,
    `nft 'table inet cut_${port.replace("-", "_")} { chain in { type filter hook input priority -10; tcp dport 5432 tcp sport ${port} drop; }; chain out { type filter hook output priority -10; tcp sport 5432 tcp dport ${port} drop; }; }'`,
  );
const mend = (port = "0-65535"): Promise<string> =>
  onHost(DATABASE, `nft delete table inet cut_${port.replace("-", "_")}`);

const worked = (durationMs: number): HostWork => ({
  end: "ok",
  isFatal: false,
  counts: noCounts(),
  pendingHandlers: [],
  durationMs,
});

interface RollOut {
  run: PlumbProcess;
  workers: PlumbProcess[];
}

/** Three hosts of which two workers have one or two when this resolves. */
async function rollOut(servers: string): Promise<RollOut> {
  const folder = await folderWithHosts("queue", HOSTS);
  await writeFile(
    path.join(folder, "site.yml"),
    `- hosts: all
  gather_facts: false
  tasks:
    - {name: slow, shell: "echo begin >> /tmp/log; sleep 3; echo end >> /tmp/log"}
    - {name: then, shell: "echo then >> /tmp/log"}
`,
  );
  const address = `postgres://team_worker@${servers}/team?sslmode=require`;
  const how = { cwd: folder, environment: { PGPASSWORD: team.password, PLUMB_RUNS_DIR: "" } };
  const workers = [1, 2].map(() => startCommand(["worker", address, "--forks", "2"], how));
  for (const worker of workers) while (!worker.text().includes("ready")) await wait(50);
  const run = startPlumb(["run", "site.yml", "-i", "hosts.ini", "--no-record", "--workers", address], how);
  while (run.events.filter(({ type }) => type === "task-started").length < 3) await wait(50);
  return { run, workers };
}

async function ended({ run, workers }: RollOut): Promise<{ logs: string[]; away: number }> {
  expect(await run.ended, run.text()).toBe(0);
  for (const worker of workers) worker.child.kill("SIGTERM");
  await Promise.all(workers.map((worker) => worker.ended));
  const logs = await Promise.all(HOSTS.map((host) => onHost(host, "tr '\\n' ' ' < /tmp/log; rm /tmp/log")));
  const away = run.events.filter(
    (event) => event.type === "warning" && event.message.includes("queue is away"),
  );
  return { logs, away: away.length };
}

test("several that come at once to a database without tables make them once", async () => {
  const opened = await Promise.all(Array.from({ length: 6 }, (_, index) => open(`first ${index}`)));
  expect(new Set(opened.map(({ queue }) => queue.number)).size).toBe(6);
  for (const { queue } of opened) queue.end();
});

test("a database that stays away is given up when the time for it is over, and a hurry ends the wait for an answer", async () => {
  const [patient, hurried] = await Promise.all([
    open("patient"),
    open("hurried", undefined, { ...LIMITS, answerMs: 60_000 }),
  ]);
  await drop();
  const asked = hurried.queue.runs();
  hurried.queue.hurry();
  await expect(asked).rejects.toThrow("it gave no answer when the run was ended");
  expect(hurried.told).toEqual([]);
  await expect(patient.queue.runs()).rejects.toThrow(/timeout|no answer/);
  expect(patient.told).toEqual(["away: it gives no answer any more"]);
  await mend();
  for (const { queue } of [patient, hurried]) queue.end();
});

test("a worker that is told to end at once leaves the host that it has in the middle of a step to another one", async () => {
  const rolling = await rollOut(`${labHost(DATABASE).address}:5432`);
  const [stopped] = rolling.workers;
  stopped?.child.kill("SIGINT");
  while (stopped?.text().includes("takes nothing more") === false) await wait(20);
  stopped?.child.kill("SIGINT");
  expect(await stopped?.ended).toBe(0);
  const { logs, away } = await ended(rolling);
  expect(away).toBe(0);
  for (const log of logs) expect(log).toMatch(/^(begin (end )?)?begin end then $/);
  expect(logs.filter((log) => log !== "begin end then ").length).toBeGreaterThan(0);
});

test("a link that is cut without a word is given up when no answer comes, and made anew with the same number", async () => {
  const relay = await relayTo(labHost(DATABASE).address, 5432);
  const { queue, told } = await open("plumb cut", `127.0.0.1:${relay.port}`);
  const { number } = queue;
  expect(await queue.runs()).toEqual([]);
  relay.silence();
  expect(await queue.runs()).toEqual([]);
  expect(told).toEqual(["away: it gives no answer any more", "back"]);
  expect(queue.number).toBe(number);
  // What the database still held of the connection before is gone.
  const sessions = "select count(*) from pg_stat_activity where application_name = 'plumb cut'";
  expect(await team.sql(sessions)).toBe("1\n");
  queue.end();
  relay.cut();
});

// They wait until somebody counts as gone, which nobody does while a server is young, and have nothing to do with each other.
test.concurrent("a worker that says nothing any more is gone for PostgreSQL, another one gets its host, and what it says later counts for nothing", async () => {
  const [leader, first, second] = await Promise.all([open("leader"), open("plumb silent"), open("second")]);
  const specification = {
    version: "0",
    playbooks: [],
    options: {},
    checkMode: false,
    diffMode: false,
    verbosity: 0,
    salt: "",
    inputs: {},
  };
  await leader.queue.beginRun("silent", specification);
  await leader.queue.addBatch("silent", { number: 0, play: 0, hosts: ["pool1"], failed: [] });
  const [job] = await first.queue.take(["silent"], 1, []);
  if (job === undefined) throw new Error("there was nothing to take");
  const port = await team.sql(
    "select client_port from pg_stat_activity where application_name = 'plumb silent'",
  );
  await drop(port.trim());
  let [taken] = await second.queue.take(["silent"], 1, []);
  // It is asked about twice a second: the kernel looks at a connection when nothing has come for a while.
  while (taken === undefined) {
    await wait(500);
    [taken] = await second.queue.take(["silent"], 1, []);
  }
  expect(taken).toMatchObject({ host: "pool1", attempt: 2 });
  await first.queue.finish(job, worked(1));
  expect(first.told).toEqual(["away: it gives no answer any more", "back"]);
  await second.queue.finish(taken, worked(2));
  const { results } = await leader.queue.takeResults("silent");
  expect(results).toEqual([{ batch: 0, host: "pool1", work: worked(2) }]);
  await leader.queue.endRun("silent");
  await mend(port.trim());
  for (const { queue } of [leader, first, second]) queue.end();
});

test.concurrent("a run that was cut off is gone for its workers, who stop behind the step under way; when it is back they go on with it", async () => {
  const isOld = "select pg_postmaster_start_time() < now() - interval '15 seconds'";
  await expect.poll(() => team.sql(isOld)).toBe("t\n");
  const rolling = await rollOut(`${labHost(DATABASE).address}:5432`);
  const session = "from pg_stat_activity where application_name = 'plumb run'";
  const port = (await team.sql(`select client_port ${session}`)).trim();
  await drop(port);
  // As it would do by itself after a while.
  await team.sql(`select pg_terminate_backend(pid) ${session}`);
  const { logs, away } = await ended(rolling);
  await mend(port);
  expect(away).toBe(1);
  // Each host was begun anew.
  for (const log of logs) expect(log).toBe("begin end begin end then ");
});

/** Another server of the same database, on port 5433, that has what this one has before it says that it has it. */
const standby = (): Promise<string> =>
  onHost(
    DATABASE,
    `set -e; v=$(ls /etc/postgresql); etc=/etc/postgresql/$v; data=/var/lib/postgresql/$v/standby
pg_createcluster -p 5433 $v standby >/dev/null 2>&1; rm -rf $data; cp -a $etc/main/pg_hba.conf $etc/standby/; cp -a $etc/main/conf.d $etc/standby/
cd /; runuser -u postgres -- pg_basebackup -c fast -R -X stream -D $data; pg_ctlcluster $v standby start
runuser -u postgres -- psql -qAtX -c "alter system set synchronous_standby_names = '*'" -c 'select pg_reload_conf()'
for n in $(seq 50); do [ "$(runuser -u postgres -- psql -qAtX -c 'select sync_state from pg_stat_replication')" = sync ] && exit; sleep 0.1; done; exit 1`,
  );
const failOver = (): Promise<string> =>
  onHost(
    DATABASE,
    "v=$(ls /etc/postgresql); pg_ctlcluster -m immediate $v main stop; pg_ctlcluster $v standby promote",
  );

test("another server takes over: run and workers go on with it, nothing is lost, and nothing is done twice", async () => {
  await standby();
  const { address } = labHost(DATABASE);
  // The one that takes no writes is the first.
  const rolling = await rollOut(`${address}:5433,${address}:5432`);
  await failOver();
  const { logs, away } = await ended(rolling);
  expect(away).toBe(1);
  for (const log of logs) expect(log).toBe("begin end then ");
  for (const worker of rolling.workers) expect(worker.text()).toContain("the database is back");
});
