import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll } from "vitest";
import { isAlive } from "./is-alive.ts";

/** Waits until no other file of tests has taken one of these turns, and has it until the end of the file that calls it. @returns the one that was free. */
export async function takeTurn(...names: readonly string[]): Promise<string> {
  for (;;) {
    const name = names.find((one) => take(fileOf(one)));
    if (name !== undefined) {
      // What the first `beforeAll` gives runs last, behind all that cleans up.
      beforeAll(() => () => rmSync(fileOf(name), { force: true }));
      return name;
    }
    await wait(100);
  }
}

/** What a run that was killed has left: nobody has these turns. Called before anybody takes one. */
export function forgetTurns(...names: readonly string[]): void {
  for (const name of names) rmSync(fileOf(name), { force: true });
}

const fileOf = (name: string): string => path.join(tmpdir(), `plumb-turn-${name}`);

function take(turn: string): boolean {
  try {
    writeFileSync(turn, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    // Taken. A worker that was killed gives nothing back, nor does a file of this one that could not be loaded.
    const holder = Number(readHolder(turn));
    if (holder > 0 && (holder === process.pid || !isAlive(holder))) rmSync(turn, { force: true });
    return false;
  }
}

function readHolder(turn: string): string {
  try {
    return readFileSync(turn, "utf8");
  } catch {
    return "";
  }
}
