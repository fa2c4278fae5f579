import { spawn } from "node:child_process";
import path from "node:path";
import type { LabStatus } from "../src/lab/lab.ts";
import { paintFor } from "../src/views/colour.ts";

/** What both demonstrations are made of: headings, commands as a person types them, and looks at hosts. */
export const paint = paintFor(process.stdout.isTTY);

export function heading(text: string): void {
  process.stdout.write(`\n${paint("bold", `=== ${text}`)}\n`);
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function fail(text: string): never {
  process.stderr.write(`${paint("red", `The demo failed: ${text}`)}\n`);
  process.exit(1);
}

/** The records of the demo's runs lie in its own folder, and go with it. */
export function keepRecordsIn(folder: string): void {
  process.env["PLUMB_RUNS_DIR"] ??= path.resolve(folder, "runs");
}

/** Runs the command as a person would, shows what it prints, and fails where its exit status is another. */
export function plumb(expected: number, ...args: string[]): Promise<string> {
  say(paint("gray", `$ plumb ${args.join(" ")}`));
  return new Promise((resolve) => {
    const plain = args[0] === "run" ? ["--output", "plain"] : [];
    const child = spawn("bin/plumb", [...args, ...plain], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    });
    child.on("close", (code) => {
      if (code !== expected) fail(`plumb ended with status ${code}, and ${expected} was expected`);
      resolve(output);
    });
  });
}

/** A command on a host, as root; what it prints is shown. */
export function onHost(lab: LabStatus, name: string, command: string): Promise<void> {
  const address = lab.hosts.find((host) => host.name === name)?.address ?? name;
  const args = [
    "-i",
    lab.keyFile,
    "-o",
    `UserKnownHostsFile=${lab.knownHostsFile}`,
    `root@${address}`,
    command,
  ];
  return new Promise((resolve) => {
    spawn("ssh", args, { stdio: ["ignore", "inherit", "inherit"] }).on("close", (code) => {
      if (code !== 0) fail(`on ${name}: ${command}: status ${code}`);
      resolve();
    });
  });
}
