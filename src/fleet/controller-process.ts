import { readFileSync, readlinkSync } from "node:fs";

/**
 * This process, so that another one on the same machine can tell whether it still lives: boot and namespace, pid, start time (proc(5)).
 *
 * @returns `-` where there is no /proc.
 */
export function thisProcess(): string {
  try {
    return `${bootId()}:${process.pid}:${startOf(process.pid)}`;
  } catch {
    return "-";
  }
}

/** Whether a process that `thisProcess` has named is known to be gone. Of another machine, or without /proc, nothing is known. */
export function isGone(identity: string): boolean {
  const [boot, pid, start] = identity.split(":");
  try {
    if (pid === undefined || start === undefined || boot !== bootId()) return false;
  } catch {
    return false;
  }
  try {
    return startOf(Number(pid)) !== start;
  } catch {
    return true;
  }
}

/** Containers of one machine have its boot id, and processes of their own. */
function bootId(): string {
  const processes = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${processes}`;
}

/** The second field is the command's name in parentheses and may hold blanks. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
