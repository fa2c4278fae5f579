import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { wholeNumber } from "./read-input.ts";

/** What a controller has for the hosts that it works on. */
export interface Machine {
  processors: number;
  memoryBytes: number;
  /** How many files and connections a process may have open; undefined where nobody says. */
  openFiles: number | undefined;
}

/** As many as shake hands at once (fleet/handshakes.ts): with fewer hosts than that at work a controller of any size waits for them. */
const AT_LEAST = 32;

/** What hosts share (package mirrors, databases, hypervisors) is not the controller's to load without being asked. */
const AT_MOST = 128;

/** A host costs 8 to 12 ms of a processor in a second of its own time (bench/RESULTS.md): as many leave half of each to what else a run does. */
const FOR_A_PROCESSOR = 16;

/** So much is kept of what a step prints (converge/): all hosts at once may print that much, and fill half of the memory with it. */
const MEMORY_OF_A_HOST = 16 * 1024 ** 2;

/** A connection, and what is under way for it on the controller: a file being sent, a program that a connection goes through. */
const OPEN_FILES_OF_A_HOST = 4;

/**
 * How many hosts are worked on at once.
 *
 * @param option what `--forks` says; without it, as many as suit the machine.
 * @throws DiagnosticsError invalid-option
 */
export function forksOf(option: string | undefined): number {
  return option === undefined ? forksFor(thisMachine()) : wholeNumber("--forks", option);
}

/** As many hosts as suit a machine: 32 to 128. */
export function forksFor({ processors, memoryBytes, openFiles }: Machine): number {
  const most = Math.min(
    AT_MOST,
    processors * FOR_A_PROCESSOR,
    memoryBytes / 2 / MEMORY_OF_A_HOST,
    (openFiles ?? Number.POSITIVE_INFINITY) / OPEN_FILES_OF_A_HOST,
  );
  return Math.max(AT_LEAST, Math.floor(most));
}

function thisMachine(): Machine {
  // Of a container, a unit or a job: what it was given, where that is less than the machine has. Zero, or more than there is: no limit.
  const granted = process.constrainedMemory();
  return {
    processors: availableParallelism(),
    memoryBytes: granted > 0 ? Math.min(granted, totalmem()) : totalmem(),
    openFiles: openFiles(),
  };
}

/** The limit on open files (proc(5)); Node.js has raised it as far as it may go. */
function openFiles(): number | undefined {
  try {
    return openFilesIn(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    return undefined;
  }
}

/** The limit that counts in /proc/PID/limits, the "soft" one; undefined for "unlimited". */
export function openFilesIn(limits: string): number | undefined {
  const soft = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
