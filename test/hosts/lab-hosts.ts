import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { inject } from "vitest";

const run = promisify(execFile);

/** A shared host, as the suite set it up. */
export function labHost(name: string): { name: string; address: string; release: string } {
  const host = inject("lab").hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`the test lab has no host ${name}`);
  return host;
}

const sshArguments = (name: string, user: string): string[] => {
  const { keyFile, knownHostsFile } = inject("lab");
  return [
    "-i",
    keyFile,
    "-o",
    `UserKnownHostsFile=${knownHostsFile}`,
    "-o",
    "BatchMode=yes",
    `${user}@${labHost(name).address}`,
  ];
};

/** Looks at a host with the system's own ssh client: independent of what is tested. Rejects when the command fails. */
export async function onHost(
  name: string,
  command: string,
  user = "root",
  connectSeconds = 30,
): Promise<string> {
  const limit = ["-o", `ConnectTimeout=${connectSeconds}`];
  const { stdout } = await run("ssh", [...limit, ...sshArguments(name, user), command], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** The same with standard input. */
export function sendToHost(name: string, command: string, input: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", [...sshArguments(name, "root"), command], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`${command}: status ${code}`))));
    child.stdin.end(input);
  });
}
