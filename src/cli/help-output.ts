import { fstatSync, writeSync } from "node:fs";
import type { OutputConfiguration } from "commander";

const STDOUT = 1;

/**
 * Where the help goes. It does without `process.stdout` where that is a pipe or a file: with it Node.js loads what sockets and terminals need, a quarter of what the help takes
 * beyond the start of Node.js itself.
 */
export const helpOutput: OutputConfiguration = {
  writeOut: writeHelp,
  getOutHelpWidth: () => (mayBeTerminal() && process.stdout.isTTY ? process.stdout.columns || 80 : 80),
  getOutHasColors: () => mayBeTerminal() && process.stdout.isTTY && process.stdout.hasColors(),
};

function mayBeTerminal(): boolean {
  return fstatSync(STDOUT).isCharacterDevice();
}

/** A reader who goes away (`plumb --help | head`) ends the output and nothing else; a pipe that is full, and that somebody set not to wait, is waited for. */
function writeHelp(text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  try {
    while (written < bytes.byteLength) written += writeSync(STDOUT, bytes, written);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") process.stdout.write(bytes.subarray(written));
    else if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}
