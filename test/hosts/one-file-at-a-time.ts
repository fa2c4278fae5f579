import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, inject } from "vitest";

/**
 * The files of a project share its hosts, and a host has one lock: while one file runs, the others of its project wait. So the two projects can run beside each other.
 */
const turn = path.join(tmpdir(), `plumb-turn-${inject("lab").name}`);

while (!take()) await wait(100);
afterAll(() => rmSync(turn, { force: true }));

function take(): boolean {
  try {
    writeFileSync(turn, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    // Taken. A worker that was killed gives nothing back.
    const holder = Number(readHolder());
    if (holder > 0 && !isAlive(holder)) rmSync(turn, { force: true });
    return false;
  }
}

function readHolder(): string {
  try {
    return readFileSync(turn, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
