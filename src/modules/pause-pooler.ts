import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { ModuleFailure } from "./module.ts";
import { askUntil, type Login, openSession } from "./pg-query.ts";
import type { StepHost } from "./step.ts";

/** PAUSE or RESUME, of everything or of one database. */
export interface PauseWish {
  /** As it is typed at the console: "PAUSE", "RESUME app". */
  command: string;
  service: string;
  /** Seconds that transactions may take to end; a PAUSE that takes longer is taken back. */
  timeoutSeconds: number;
  /** Seconds after which the host resumes by itself; undefined: never. */
  resumeAfterSeconds: number | undefined;
}

/**
 * Pauses and says whether that changed anything. A PAUSE that is not complete in time is taken back: half of one would keep clients waiting for nothing.
 *
 * @throws ModuleFailure naming who is still in a transaction.
 */
export async function pausePooler(host: StepHost, wish: PauseWish, login: Login): Promise<boolean> {
  if (wish.resumeAfterSeconds !== undefined) await resumeLater(host, wish.service, wish.resumeAfterSeconds);
  try {
    await once(host, login, wish.command, wish.timeoutSeconds);
    return true;
  } catch (error) {
    if (isAlready(error, "already suspended/paused")) return false;
    const busy = await inTransaction(host, login).catch(() => []);
    await resumePooler(host, { ...wish, command: wish.command.replace(/^pause/i, "RESUME") }, login);
    throw new ModuleFailure(
      busy.length === 0
        ? `PAUSE was not complete after ${wish.timeoutSeconds} s, and has been taken back: ${reasonOf(error)}`
        : `after ${wish.timeoutSeconds} s still in a transaction: ${busy.slice(0, 3).join(", ")}${busy.length > 3 ? `, and ${busy.length - 3} more` : ""}; PAUSE has been taken back`,
      {
        cause: error,
        hint: "SHOW CLIENTS at the console tells more. In session mode PAUSE waits for clients to leave; `timeout` says how long",
      },
    );
  }
}

/** Resumes and says whether that changed anything. */
export async function resumePooler(host: StepHost, wish: PauseWish, login: Login): Promise<boolean> {
  let changed = true;
  try {
    await once(host, login, wish.command, 10);
  } catch (error) {
    if (!isAlready(error, "is not paused")) throw error;
    changed = false;
  }
  // Of everything, that is: of one database there is none.
  const guard = guardOf(wish.service);
  if (/^resume$/i.test(wish.command))
    await host.run(
      sh`systemctl stop ${[`${guard}.timer`, `${guard}.service`]} 2>/dev/null; systemctl reset-failed ${`${guard}.service`} 2>/dev/null; true`,
    );
  return changed;
}

const guardOf = (service: string): string => `plumb-resume-${service}`;

/** The host itself resumes: whatever becomes of the controller, and of who was to think of it. SIGUSR2 is RESUME, and needs no password. */
async function resumeLater(host: StepHost, service: string, seconds: number): Promise<void> {
  const guard = guardOf(service);
  const result = await host.run(
    shellLines(
      rawShell("set -e"),
      sh`systemctl stop ${[`${guard}.timer`, `${guard}.service`]} 2>/dev/null || true`,
      sh`systemd-run --quiet --collect --unit=${guard} --on-active=${`${seconds}s`} --timer-property=AccuracySec=1s --description=${`RESUME ${service}, should nobody have done it`} systemctl kill --signal=USR2 --kill-whom=main ${`${service}.service`}`,
    ),
  );
  if (result.exitCode !== 0)
    throw new ModuleFailure(
      `nothing has been paused: the host can't be told to resume by itself: ${result.stderr.toString().trim()}`,
    );
}

/** Logging in may be tried again, the command may not: the second PAUSE is refused while the first is under way. */
async function once(host: StepHost, login: Login, command: string, timeoutSeconds: number): Promise<void> {
  const patient = { ...login, login: { ...login.login, timeoutMs: timeoutSeconds * 1000 } };
  const session = await openSession(host, patient, Math.min(10, timeoutSeconds));
  try {
    await session.query(command);
  } finally {
    await session.end();
  }
}

/** Clients that hold a server connection: "app of app at 10.0.0.5". */
async function inTransaction(host: StepHost, login: Login): Promise<string[]> {
  const { answers } = await askUntil(host, login, ["SHOW CLIENTS"], 5);
  return busyClients(answers[0]?.rows ?? []).map(
    (client) => `${client["user"]} of ${client["database"]} at ${client["addr"]}`,
  );
}

/** Of SHOW CLIENTS: applications that are linked to a server now. */
export function busyClients(rows: readonly Record<string, unknown>[]): readonly Record<string, unknown>[] {
  return applicationsOf(rows).filter((row) => String(row["link"] ?? "") !== "");
}

/** Of SHOW CLIENTS: applications, not the console's own visitors. */
export function applicationsOf(rows: readonly Record<string, unknown>[]): readonly Record<string, unknown>[] {
  return rows.filter((row) => row["database"] !== "pgbouncer");
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).trim();

const isAlready = (error: unknown, text: string): boolean => reasonOf(error).includes(text);
