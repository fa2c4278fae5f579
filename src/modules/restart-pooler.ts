import { setTimeout as wait } from "node:timers/promises";
import { compareVersions } from "../pgbouncer/compare-versions.ts";
import type { PgSession } from "../pgbouncer/pg-client.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { ModuleFailure } from "./module.ts";
import { applicationsOf, busyClients, pausePooler, resumePooler } from "./pause-pooler.ts";
import { askUntil, type Login, openSession } from "./pg-query.ts";
import type { StepHost } from "./step.ts";

export interface RestartWish {
  service: string;
  siblings: boolean;
  /** How long load balancers need to notice that they are to send nobody new; undefined where there are none. */
  balancerSeconds: number | undefined;
  listenAddress: string;
  port: number;
  drainSeconds: number;
  transactionSeconds: number;
  cutTransactions: boolean;
}

export interface Restarted {
  way: "start" | "leave" | "pause";
  /** Clients when it began. */
  clients: number;
  /** Of them, who did not leave by themselves. */
  cut: number;
  version: string;
}

/** The health endpoint looks for it (roles/pgbouncer_health). */
const DRAIN_FILE = "/run/plumb-pgbouncer-drain";
const POLL_MS = 300;
/** Within it a busy process has accepted who was waiting. */
const ACCEPTED_SECONDS = 0.5;
/** Beyond it a host that was told to start the instance has not done so. */
const START_SECONDS = 60;

/** @throws ModuleFailure when a transaction takes too long, or the instance does not come up. */
export async function restartPooler(host: StepHost, wish: RestartWish, login: Login): Promise<Restarted> {
  const pid = await mainPid(host, wish.service);
  if (pid === 0) {
    await start(host, wish.service);
    return { way: "start", clients: 0, cut: 0, version: await versionOf(host, login) };
  }
  if (wish.balancerSeconds !== undefined) await tellBalancers(host, wish, wish.balancerSeconds);
  const way = wish.siblings && compareVersions(await versionOf(host, login), "1.23") >= 0 ? "leave" : "pause";
  const session = await openSession(host, login, 10);
  let counted: { clients: number; cut: number };
  try {
    counted =
      way === "leave"
        ? await leaveToOthers(host, wish, session, pid)
        : await pauseAndReplace(host, wish, session, login);
  } finally {
    await session.end();
  }
  await waitForExit(host, wish, pid, START_SECONDS);
  await start(host, wish.service);
  return { way, ...counted, version: await versionOf(host, login) };
}

/** The health endpoint tells load balancers to send nobody new, for as long as this can take; whoever is here stays. Told already: no need to wait again. */
async function tellBalancers(host: StepHost, wish: RestartWish, seconds: number): Promise<void> {
  const lasting = wish.drainSeconds + wish.transactionSeconds + 2 * START_SECONDS;
  const result = await host.run(
    shellLines(
      sh`file=${DRAIN_FILE}; lasting=${Math.ceil(lasting)}`,
      rawShell(`now=$(date +%s); until=$(cat "$file" 2>/dev/null || echo 0)
[ "$until" -gt "$now" ] 2>/dev/null && echo told
echo $((now + lasting)) > "$file" && chmod 0644 "$file"`),
    ),
  );
  if (result.exitCode !== 0)
    throw new ModuleFailure(`${DRAIN_FILE} can't be written: ${result.stderr.toString().trim()}`);
  if (result.stdout.toString().trim() !== "told")
    await wait(seconds * 1000, undefined, { signal: host.signal });
}

/** Since 1.23: the process stops listening, and ends with its last client. Its console goes on for who is logged in to it already, and for nobody else. */
async function leaveToOthers(
  host: StepHost,
  wish: RestartWish,
  session: PgSession,
  pid: number,
): Promise<{ clients: number; cut: number }> {
  await startWhenEnded(host, wish.service, pid);
  const clients = (await applications(session)).length;
  // A listening socket that is closed resets the connections that wait to be accepted: so none may wait.
  await host.run(shellLines(hold(wish), rawShell(`sleep ${ACCEPTED_SECONDS}`)));
  try {
    await session.query("SHUTDOWN WAIT_FOR_CLIENTS");
  } finally {
    await host.run(RELEASE);
  }
  const left = await leaveByThemselves(host, wish, session);
  if (left.length === 0) return { clients, cut: 0 };
  // Answered or not: without a transaction under way it ends at once.
  await session.query("SHUTDOWN WAIT_FOR_SERVERS").catch(() => undefined);
  const ended = await waitForExit(host, wish, pid, wish.transactionSeconds);
  if (ended) return { clients, cut: left.length };
  if (!wish.cutTransactions) {
    const busy = busyClients(await applications(session).catch(() => []));
    throw new ModuleFailure(
      `after ${wish.transactionSeconds} s ${wish.service} still has ${busy.length} transactions: ${who(busy)}`,
      {
        hint: "it takes no new clients, ends with its last transaction, and the host starts it again then. Run this again later, or cut them: `cut_transactions: true`",
      },
    );
  }
  await host.run(sh`systemctl kill --signal=INT --kill-whom=main ${unitOf(wish.service)}`);
  return { clients, cut: left.length };
}

/** Everybody waits until the transactions have ended, and is cut at once when the process is replaced. */
async function pauseAndReplace(
  host: StepHost,
  wish: RestartWish,
  session: PgSession,
  login: Login,
): Promise<{ clients: number; cut: number }> {
  const clients = (await applications(session)).length;
  if (wish.balancerSeconds !== undefined) await leaveByThemselves(host, wish, session);
  const pause = {
    service: wish.service,
    timeoutSeconds: wish.transactionSeconds,
    resumeAfterSeconds: wish.transactionSeconds + START_SECONDS,
  };
  try {
    await pausePooler(host, { ...pause, command: "PAUSE" }, login);
  } catch (error) {
    if (!wish.cutTransactions) throw error;
  }
  const cut = (await applications(session)).length;
  const result = await host.run(restartWhileHeld(wish), { timeoutMs: 300_000 });
  if (result.exitCode !== 0)
    throw new ModuleFailure(`${wish.service} does not start: ${lastLines(result.stderr.toString())}`);
  // The new process is not paused; what is left is the host's own reminder to resume.
  await resumePooler(host, { ...pause, command: "RESUME" }, login);
  return { clients, cut };
}

/**
 * The kernel holds back new connections: their first packet is dropped, and comes again a second later. The set forgets the port by itself, so that nothing is held for long,
 * whatever happens to who was to release it. Where nftables can't be had, connections are refused for that moment.
 */
function hold({ listenAddress, port }: RestartWish): ShellText {
  const destination = /^\d+(\.\d+){3}$/.test(listenAddress)
    ? `ip daddr ${listenAddress} `
    : /^[\da-f:]+:[\da-f:.]*$/i.test(listenAddress)
      ? `ip6 daddr ${listenAddress} `
      : "";
  const table = `table inet plumb_hold
delete table inet plumb_hold
table inet plumb_hold {
  set ports { type inet_service; flags timeout; elements = { ${port} timeout 20s } }
  chain input { type filter hook input priority -10; ${destination}tcp dport @ports tcp flags & (syn | ack) == syn drop; }
}`;
  return sh`printf '%s\n' ${table} | nft -f - 2>/dev/null || true`;
}

const RELEASE = rawShell("nft delete table inet plumb_hold 2>/dev/null || true");

function restartWhileHeld(wish: RestartWish): ShellText {
  return shellLines(
    hold(wish),
    sh`unit=${unitOf(wish.service)}`,
    rawShell(
      `systemctl reset-failed "$unit" 2>/dev/null; systemctl restart "$unit" || { code=$?; journalctl --no-pager -o cat -n 10 -u "$unit" >&2; }`,
    ),
    RELEASE,
    rawShell('exit "${code:-0}"'),
  );
}

/** The host starts the instance as soon as the process is gone, whatever becomes of the controller: with a clean exit systemd would leave it at that. */
async function startWhenEnded(host: StepHost, service: string, pid: number): Promise<void> {
  const unit = unitOf(service);
  const starter = `plumb-start-${service}`;
  const script = `while [ "$(systemctl show -p MainPID --value ${unit})" = ${pid} ]; do sleep 0.2; done; systemctl start ${unit}`;
  const result = await host.run(
    shellLines(
      sh`systemctl stop ${`${starter}.service`} 2>/dev/null || true`,
      sh`systemd-run --quiet --collect --unit=${starter} --description=${`Starts ${service} again when it has ended`} /bin/sh -c ${script}`,
    ),
  );
  if (result.exitCode !== 0)
    throw new ModuleFailure(
      `nothing has been stopped: the host can't be told to start ${service} again: ${result.stderr.toString().trim()}`,
    );
}

/** Waits for the clients to go. @returns who has not, when time is up. */
async function leaveByThemselves(
  host: StepHost,
  wish: RestartWish,
  session: PgSession,
): Promise<readonly Record<string, unknown>[]> {
  const deadline = performance.now() + wish.drainSeconds * 1000;
  for (;;) {
    const left = await applications(session);
    if (left.length === 0 || performance.now() >= deadline) return left;
    host.progress(`${wish.service}: ${left.length} clients have not left yet`);
    await wait(POLL_MS, undefined, { signal: host.signal });
  }
}

async function applications(session: PgSession): Promise<readonly Record<string, unknown>[]> {
  return applicationsOf((await session.query("SHOW CLIENTS")).rows);
}

/** @returns whether the process is gone. */
async function waitForExit(
  host: StepHost,
  wish: RestartWish,
  pid: number,
  seconds: number,
): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000;
  while ((await mainPid(host, wish.service)) === pid) {
    if (performance.now() > deadline) return false;
    await wait(POLL_MS, undefined, { signal: host.signal });
  }
  return true;
}

async function mainPid(host: StepHost, service: string): Promise<number> {
  const result = await host.run(sh`systemctl show -p MainPID --value -- ${unitOf(service)}`);
  const pid = Number(result.stdout.toString().trim());
  if (result.exitCode !== 0 || !Number.isInteger(pid))
    throw new ModuleFailure(
      `systemd does not tell the process of ${service}: ${result.stderr.toString().trim()}`,
    );
  return pid;
}

/** Waits until it is up, too, if it is being started already. */
async function start(host: StepHost, service: string): Promise<void> {
  const unit = unitOf(service);
  const result = await host.run(
    sh`systemctl start ${unit} || { journalctl --no-pager -o cat -n 10 -u ${unit} >&2; exit 1; }`,
    { timeoutMs: 120_000 },
  );
  if (result.exitCode !== 0)
    throw new ModuleFailure(`${service} does not start: ${lastLines(result.stderr.toString())}`);
}

async function versionOf(host: StepHost, login: Login): Promise<string> {
  const { answers } = await askUntil(host, login, ["SHOW VERSION"], 10);
  return /\d+\.\d+(\.\d+)?/.exec(String(answers[0]?.rows[0]?.["version"] ?? ""))?.[0] ?? "";
}

const unitOf = (service: string): string => `${service}.service`;

const lastLines = (text: string): string => text.trim().split("\n").slice(-3).join(" | ");

const who = (clients: readonly Record<string, unknown>[]): string =>
  clients
    .slice(0, 3)
    .map((client) => `${client["user"]} of ${client["database"]} at ${client["addr"]}`)
    .join(", ");
