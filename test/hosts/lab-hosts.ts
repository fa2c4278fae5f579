import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { labReset } from "../../src/lab/lab.ts";
import { hostPath } from "../../src/lab/plan.ts";
import { lab } from "./lab.ts";

const run = promisify(execFile);

/** A shared host, as the suite set it up. */
export function labHost(name: string): { name: string; address: string; release: string } {
  const host = lab.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`the test lab has no host ${name}`);
  return host;
}

/** Gives those hosts of the lab a fresh disk on which another file has let Plumb do something. */
export async function asInstalled(): Promise<void> {
  const used = lab.hosts.filter(({ name }) =>
    existsSync(path.join(hostPath(lab.name, name), "root/var/lib/plumb")),
  );
  if (used.length > 0)
    await labReset(
      lab.name,
      used.map(({ name }) => name),
    );
}

const sshArguments = (name: string, user: string): string[] => {
  const { keyFile, knownHostsFile } = lab;
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

/** A folder with `hosts.ini`, in which shared hosts are reached as the user admin. */
export async function folderWithHosts(purpose: string, names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), `plumb-${purpose}-`));
  const { keyFile, knownHostsFile } = lab;
  const lines = [
    ...names.map((name) => `${name} ansible_host=${labHost(name).address}`),
    "[all:vars]",
    "ansible_user=admin",
    `ansible_ssh_private_key_file=${keyFile}`,
    `ansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}`,
    "",
  ];
  await writeFile(path.join(folder, "hosts.ini"), lines.join("\n"));
  return folder;
}
