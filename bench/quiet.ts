import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

const SAMPLE_MS = 100;
/** So many samples in a row: what the last measurement left behind comes in bursts. */
const QUIET_SAMPLES = 4;
const BUSY_PART = 0.1;
const LONGEST_MS = 20_000;

/**
 * Waits until the machine has done with what came before: twenty hosts go on ending sessions for a while after the last of them has answered, and would make whoever is
 * measured next slower. A machine that does not become quiet is measured as it is.
 *
 * @returns whether it became quiet.
 */
export async function quiet(): Promise<boolean> {
  const deadline = Date.now() + LONGEST_MS;
  let inRow = 0;
  for (let before = processorTime(); Date.now() < deadline; ) {
    await wait(SAMPLE_MS);
    const now = processorTime();
    inRow = (now.busy - before.busy) / (now.all - before.all) < BUSY_PART ? inRow + 1 : 0;
    if (inRow === QUIET_SAMPLES) return true;
    before = now;
  }
  return false;
}

/** In ticks, of all processors together (proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are part of user). */
function processorTime(): { busy: number; all: number } {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}
