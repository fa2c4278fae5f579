import type { ExecResult } from "../transport/transport.ts";
import { LOCK_HELD, LOCK_LEFT } from "./host-lock.ts";

/** Why a host's lock was not had, and what to do; undefined: it was. */
export function lockProblem(lock: ExecResult, runId: string): { message: string; hint: string } | undefined {
  if (lock.exitCode === 0) return undefined;
  const said = lock.stderr.toString().trim().split("\n").at(-1) ?? "";
  if (lock.exitCode === LOCK_LEFT) {
    const [seconds, ...owner] = said.split(" ");
    return {
      message: `a command that a run which is gone has left still runs on this host, after ${seconds} s: ${owner.join(" ")}`,
      hint: "wait until it has ended, or have it ended with --take-over",
    };
  }
  if (lock.exitCode !== LOCK_HELD)
    return {
      message: `the host's lock could not be taken: ${said || `exit ${String(lock.exitCode)}`}`,
      hint: "Plumb keeps its state in /var/lib/plumb (or ~/.local/state/plumb without become); is the disk full, or the file system read-only?",
    };
  const [, connection, ...holder] = said.split(" ");
  const held = holder.join(" ");
  if (held.startsWith(`${runId} `))
    return {
      message: `this run works on the same host already, under the name \`${held.replace(/^.*, as /, "")}\``,
      hint: "two names of the inventory lead to one host: take one of them out, or leave it out with --limit",
    };
  return {
    message: `another run is working on this host: ${held}`,
    hint: `wait until it has ended, or end it; the lock goes with its connection${connection === "-" ? "" : `: where its controller is gone for good, \`sudo kill ${connection}\` on the host ends it`}`,
  };
}
