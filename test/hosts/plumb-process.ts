import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Event } from "../../src/converge/event.ts";
import { PLUMB } from "../built-plumb.ts";

/** A command as a process of its own, that can be killed; what it tells is read as it tells it. */
export interface PlumbProcess {
  child: ChildProcess;
  events: Event[];
  /** What it has said besides, and what is no event. */
  text: () => string;
  ended: Promise<number | null>;
}

/** Starts `plumb ARGS --output json`, from the sources. */
export function startPlumb(
  args: readonly string[],
  options: { cwd: string; environment?: Record<string, string>; hear?: (event: Event) => void },
): PlumbProcess {
  return startCommand([...args, "--output", "json"], options);
}

/** Starts `plumb ARGS`, whatever it writes. */
export function startCommand(
  args: readonly string[],
  options: { cwd: string; environment?: Record<string, string>; hear?: (event: Event) => void },
): PlumbProcess {
  const child = spawn(process.execPath, [PLUMB, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const events: Event[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    if (!line.startsWith("{")) {
      text += `${line}\n`;
      return;
    }
    const event = JSON.parse(line) as Event;
    events.push(event);
    options.hear?.(event);
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", (code) => resolve(code)));
  return { child, events, text: () => text, ended };
}
