import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { makeGroups, removeGroups } from "./cgroup.ts";
import { runCommand, tryCommand } from "./command.ts";
import { ensureHostNetwork, removeHostNetwork, resolverConfiguration } from "./network.ts";
import { hostPath, imagePath, keyPath, type LabHost, type LabPlan, namespaceName } from "./plan.ts";

const rootOf = (plan: LabPlan, host: LabHost): string => path.join(hostPath(plan.name, host.name), "root");
const machineName = (plan: LabPlan, host: LabHost): string => `${plan.name}-${host.name}`;

/** Starts a host unless it runs; its disk stays as it is. Fulfilled when sshd answers. */
export async function startHost(plan: LabPlan, host: LabHost, proxy: string | undefined): Promise<void> {
  if ((await processesOf(plan, host)).length === 0) {
    await mountRoot(plan, host);
    await writeIdentity(plan, host, proxy);
    await maskGenerators(rootOf(plan, host));
    await ensureHostNetwork(plan, host);
    await boot(plan, host);
  }
  await waitForSsh(plan, host);
}

/** Ends a host at once, as if its power were cut. Its disk stays. */
export async function killHost(plan: LabPlan, host: LabHost): Promise<void> {
  const pids = await processesOf(plan, host);
  for (const pid of pids) await killTree(pid);
  while ((await processesOf(plan, host)).length > 0) await wait(50);
  await removeHostNetwork(plan, host);
  await removeGroups(plan.name, host.name);
}

/** Ends a host and throws its disk away. */
export async function removeHost(plan: LabPlan, host: LabHost): Promise<void> {
  await killHost(plan, host);
  while (await tryCommand(["mountpoint", "-q", rootOf(plan, host)])) {
    if (!(await tryCommand(["umount", rootOf(plan, host)])))
      await runCommand(["umount", "-l", rootOf(plan, host)]);
  }
  await rm(hostPath(plan.name, host.name), { recursive: true, force: true });
}

export async function isRunning(plan: LabPlan, host: LabHost): Promise<boolean> {
  return (await processesOf(plan, host)).length > 0;
}

/** One image for all, and a layer of its own for each host. */
async function mountRoot(plan: LabPlan, host: LabHost): Promise<void> {
  const root = rootOf(plan, host);
  if (await tryCommand(["mountpoint", "-q", root])) return;
  const folder = hostPath(plan.name, host.name);
  const [upper, work] = [path.join(folder, "upper"), path.join(folder, "work")];
  for (const part of [root, upper, work]) await mkdir(part, { recursive: true });
  await chmod(folder, 0o755);
  const lists = plan.packageLists?.[host.release];
  const lower = [...(lists === undefined ? [] : [lists]), imagePath(host.release)].join(":");
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  await runCommand(["mount", "-t", "overlay", "overlay", "-o", layers, root]);
}

/** What makes a host this host: names, keys, name servers, where packages come from. */
async function writeIdentity(plan: LabPlan, host: LabHost, proxy: string | undefined): Promise<void> {
  const root = rootOf(plan, host);
  const hosts = plan.hosts.map((other) => `${other.address} ${other.name}`);
  await writeFile(path.join(root, "etc/hostname"), `${host.name}\n`);
  await writeFile(path.join(root, "etc/hosts"), `127.0.0.1 localhost\n::1 localhost\n${hosts.join("\n")}\n`);
  await rm(path.join(root, "etc/resolv.conf"), { force: true });
  await writeFile(path.join(root, "etc/resolv.conf"), await resolverConfiguration());
  const aptProxy = path.join(root, "etc/apt/apt.conf.d/90lab-cache");
  // No pipelining: when the cache closes a connection with requests still in the pipe, apt 2.6 was seen to wait for their answers for ever.
  if (proxy !== undefined)
    await writeFile(aptProxy, `Acquire::http::Proxy "${proxy}";\nAcquire::http::Pipeline-Depth "0";\n`);
  const publicKey = await readFile(`${keyPath(plan.name)}.pub`, "utf8");
  for (const home of ["root", "home/admin", "home/operator"]) {
    const folder = path.join(root, home, ".ssh");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(path.join(folder, "authorized_keys"), publicKey, { mode: 0o600 });
    if (home !== "root")
      await runCommand(["chroot", root, "chown", "-R", `${path.basename(home)}:`, `/${home}/.ssh`]);
  }
  const hostKey = path.join(root, "etc/ssh/ssh_host_ed25519_key");
  if (!(await tryCommand(["test", "-f", hostKey]))) {
    await runCommand(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", hostKey]);
  }
}

/** Of /etc/fstab and of scripts of System V; packages bring more. */
const GENERATORS = ["systemd-fstab-generator", "systemd-sysv-generator"];

/**
 * What systemd asks again at each reload of its units, a dozen programs that look for what no lab host has: terminals, encrypted disks, swap to wake up from, words on the kernel's command
 * line. A tenth of a second of a processor each time, and a package's installation reloads several times (systemd.generator(7): a link to /dev/null masks one).
 */
async function maskGenerators(root: string): Promise<void> {
  const masks = path.join(root, "etc/systemd/system-generators");
  await mkdir(masks, { recursive: true });
  const there = new Set(await readdir(masks));
  for (const name of await readdir(path.join(root, "usr/lib/systemd/system-generators"))) {
    if (!name.startsWith("systemd-") || GENERATORS.includes(name) || there.has(name)) continue;
    await symlink("/dev/null", path.join(masks, name));
  }
}

/** `type base64` of the host's key. */
export async function publicHostKey(plan: LabPlan, host: LabHost): Promise<string> {
  const line = await readFile(path.join(rootOf(plan, host), "etc/ssh/ssh_host_ed25519_key.pub"), "utf8");
  return line.split(" ").slice(0, 2).join(" ");
}

async function boot(plan: LabPlan, host: LabHost): Promise<void> {
  const groups = await makeGroups(plan.name, host.name);
  const joinGroups = groups.map((file) => `echo $$ > ${file}`).join("; ");
  const command = [
    "systemd-nspawn",
    "--quiet",
    "--register=no",
    "--keep-unit",
    "--boot",
    `--directory=${rootOf(plan, host)}`,
    `--machine=${machineName(plan, host)}`,
    `--hostname=${host.name}`,
    `--network-namespace-path=/run/netns/${namespaceName(plan.name, host.name)}`,
    "--capability=CAP_NET_ADMIN,CAP_NET_RAW",
    "--system-call-filter=bpf",
    // Swap areas are the kernel's, and so all hosts see them; without this nobody could try one.
    "--system-call-filter=@swap",
    "--resolv-conf=off",
    "--console=pipe",
  ];
  const log = openSync(path.join(hostPath(plan.name, host.name), "console.log"), "a");
  // A host that reboots itself ends nspawn with 133: who runs it is to start it again (systemd-nspawn(1), --keep-unit; src/nspawn/nspawn.c).
  const again = `while ${command.join(" ")}; [ $? = 133 ]; do :; done`;
  const child = spawn("/bin/sh", ["-c", `${joinGroups}; ${again}`], {
    detached: true,
    stdio: ["ignore", log, log],
    // Kernel settings of the network are the host's own, and may be set there (systemd's docs/ENVIRONMENT.md, 252).
    env: { ...process.env, SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network" },
  });
  child.unref();
}

const START_LIMIT_MS = 60_000;

async function waitForSsh(plan: LabPlan, host: LabHost): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answersSsh(host.address))) {
    if (Date.now() > deadline) {
      const log = path.join(hostPath(plan.name, host.name), "console.log");
      const said = (await readFile(log, "utf8").catch(() => "")).trim().split("\n").slice(-5).join("\n");
      throw new Error(
        `lab host ${host.name} did not come up within ${START_LIMIT_MS / 1000} s; its console says:\n${said}`,
      );
    }
    await wait(100);
  }
}

function answersSsh(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: address, port: 22 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once("data", () => end(true));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}

/** The nspawn process of a host, found by its --directory: exact, whatever became of whoever started it. */
async function processesOf(plan: LabPlan, host: LabHost): Promise<number[]> {
  const wanted = `--directory=${rootOf(plan, host)}`;
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const command = (await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (command[0]?.endsWith("systemd-nspawn") === true && command.includes(wanted))
      found.push(Number(entry));
  }
  return found;
}

/** Ends the init of the host first: with it, its whole process namespace is gone. */
async function killTree(pid: number): Promise<void> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const child of children.split(" ").filter(Boolean)) signal(Number(child));
  await wait(50);
  signal(pid);
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
