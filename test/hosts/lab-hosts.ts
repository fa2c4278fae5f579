import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { labPowerOff, labReset, labStart, labUp } from "../../src/lab/lab.ts";
import { hostPath, type LabHostSpec } from "../../src/lab/plan.ts";
import { lab } from "./lab.ts";
import { endConnections, sharedArguments, sshArguments } from "./shared-connection.ts";

const run = promisify(execFile);

/** A shared host, as the suite set it up. */
export function labHost(name: string): { name: string; address: string; release: string } {
  const host = lab.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`the test lab has no host ${name}`);
  return host;
}

/** Boots a host that only the file of tests which calls it needs. */
export async function alsoHost(host: LabHostSpec): Promise<void> {
  Object.assign(lab, await labUp(lab.name, [host], undefined, true));
}

/** Gives those hosts of the lab a fresh disk on which another file has let Plumb do something. */
export async function asInstalled(): Promise<void> {
  const used = lab.hosts.filter(({ name }) =>
    existsSync(path.join(hostPath(lab.name, name), "root/var/lib/plumb")),
  );
  if (used.length > 0) await freshDisks(used.map(({ name }) => name));
}

/** Hosts as they were just after they had been installed. */
export async function freshDisks(hosts: readonly string[]): Promise<void> {
  await endConnections(hosts);
  await labReset(lab.name, hosts);
}

/** Ends hosts as if their power were cut. */
export async function cutPower(hosts: readonly string[]): Promise<void> {
  await endConnections(hosts);
  await labPowerOff(lab.name, hosts);
}

/** Boots hosts whose power was cut, and waits until all that starts with them has been started. */
export async function giveBackPower(hosts: readonly string[]): Promise<void> {
  await labStart(lab.name, hosts);
  await Promise.all(
    hosts.map((host) => onHost(host, "timeout 60 systemctl is-system-running --wait >/dev/null; true")),
  );
}

/** Looks at a host, as root, with the system's own ssh client: independent of what is tested. Rejects when the command fails. */
export async function onHost(name: string, command: string): Promise<string> {
  return runSsh([...(await sharedArguments(name)), command]);
}

/** The same by a connection of its own. Rejects also when nobody can log in. */
export function onNewConnection(
  name: string,
  command: string,
  user = "root",
  connectSeconds = 30,
): Promise<string> {
  return runSsh(["-o", `ConnectTimeout=${connectSeconds}`, ...sshArguments(name, user), command]);
}

async function runSsh(words: readonly string[]): Promise<string> {
  const { stdout } = await run("ssh", words, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Has sshd read its settings anew. A reload returns before sshd listens again; a restart does not, and leaves who is logged in alone. */
export const restartSshd = "systemctl restart ssh";

/** A command as root with standard input. */
export async function sendToHost(name: string, command: string, input: string | Buffer): Promise<void> {
  const words = [...(await sharedArguments(name)), command];
  await new Promise<void>((resolve, reject) => {
    const child = spawn("ssh", words, { stdio: ["pipe", "ignore", "inherit"] });
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
