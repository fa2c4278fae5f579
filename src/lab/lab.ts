import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { ensureAptCache, stopAptCache } from "./apt-cache.ts";
import { runCommand, tryCommand } from "./command.ts";
import { isRunning, killHost, publicHostKey, removeHost, startHost } from "./host.ts";
import { ensureImage } from "./image.ts";
import { claimSubnet, ensureBridge, removeBridge } from "./network.ts";
import { ensurePackageLists, removePackageLists } from "./package-lists.ts";
import {
  bridgeAddress,
  keyPath,
  knownHostsPath,
  type LabHost,
  type LabHostSpec,
  type LabPlan,
  labPath,
  labRoot,
  layOut,
  type Release,
} from "./plan.ts";
import { missingForLab } from "./requirements.ts";

export interface LabStatus extends LabPlan {
  running: ReadonlySet<string>;
  keyFile: string;
  knownHostsFile: string;
}

/**
 * Brings a lab up: builds the images, lays out the network, boots the hosts that do not run. What is there already is left alone.
 *
 * @param havePackageLists whether fresh hosts have apt's lists already.
 * @throws Error naming what this machine lacks; CommandFailure.
 */
export async function labUp(
  name: string,
  specs: readonly LabHostSpec[],
  onProgress: (line: string) => void = () => undefined,
  havePackageLists = false,
): Promise<LabStatus> {
  mustBeAble();
  const before = await readPlan(name);
  const plan = layOut(name, before?.subnet ?? (await claimSubnet()), specs, before?.hosts ?? []);
  await mkdir(labPath(name), { recursive: true, mode: 0o755 });
  await writePlan(plan);
  await ensureBridge(plan);
  const cachePort = await ensureAptCache();
  const releases = [...new Set(plan.hosts.map((host) => host.release))];
  await imagesOf(releases, cachePort, onProgress);
  const lists = before?.packageLists ?? (havePackageLists ? await listsOf(releases, cachePort) : undefined);
  if (lists !== undefined) await writePlan(Object.assign(plan, { packageLists: lists }));
  await ensureMemory(name);
  await ensureKey(name);
  await writeFile("/proc/sys/fs/inotify/max_user_instances", "8192");
  onProgress(`booting ${plan.hosts.map((host) => host.name).join(", ")}`);
  await Promise.all(plan.hosts.map((host) => startHost(plan, host, proxyFor(plan, cachePort))));
  await writeKnownHosts(plan);
  return statusOf(plan);
}

/** Builds what all labs share, for whoever has something else to do meanwhile. @throws as `labUp`. */
export async function buildImages(
  releases: readonly Release[],
  onProgress: (line: string) => void,
): Promise<void> {
  mustBeAble();
  await imagesOf(releases, await ensureAptCache(), onProgress);
}

function mustBeAble(): void {
  const missing = missingForLab();
  if (missing.length > 0) throw new Error(missing.join("\n"));
}

async function imagesOf(
  releases: readonly Release[],
  port: number,
  onProgress: (line: string) => void,
): Promise<void> {
  await Promise.all(releases.map((release) => ensureImage(release, `http://127.0.0.1:${port}`, onProgress)));
}

async function listsOf(
  releases: readonly Release[],
  port: number,
): Promise<Partial<Record<Release, string>>> {
  const made = releases.map(
    async (release) => [release, await ensurePackageLists(release, `http://127.0.0.1:${port}`)] as const,
  );
  return Object.fromEntries(await Promise.all(made));
}

const proxyFor = (plan: LabPlan, port: number): string => `http://${bridgeAddress(plan)}:${port}`;

/** Gives hosts a fresh disk, as just installed, and boots them. @throws Error for an unknown host. */
export async function labReset(name: string, hosts: readonly string[]): Promise<void> {
  const plan = await existingPlan(name);
  const port = await ensureAptCache();
  await Promise.all(
    hostsNamed(plan, hosts).map(async (host) => {
      await removeHost(plan, host);
      await startHost(plan, host, proxyFor(plan, port));
    }),
  );
  await writeKnownHosts(plan);
}

/** Cuts the power of hosts; their disks stay. */
export async function labPowerOff(name: string, hosts: readonly string[]): Promise<void> {
  const plan = await existingPlan(name);
  await Promise.all(hostsNamed(plan, hosts).map((host) => killHost(plan, host)));
}

/** Boots hosts that were powered off. */
export async function labStart(name: string, hosts: readonly string[]): Promise<void> {
  const plan = await existingPlan(name);
  const port = await ensureAptCache();
  await Promise.all(hostsNamed(plan, hosts).map((host) => startHost(plan, host, proxyFor(plan, port))));
}

/** Takes a lab down and removes every trace of it; with `purge`, of all images and cached packages too. */
export async function labDown(name: string, purge = false): Promise<void> {
  const plan = await readPlan(name);
  if (plan !== undefined) {
    await Promise.all(plan.hosts.map((host) => removeHost(plan, host)));
    await removeBridge(plan);
    const memory = path.join(labPath(name), "memory");
    if (await tryCommand(["mountpoint", "-q", memory])) await runCommand(["umount", "-l", memory]);
    await rm(labPath(name), { recursive: true, force: true });
  }
  if ((await labNames()).length === 0) {
    await stopAptCache();
    await removePackageLists();
    if (purge) await rm(labRoot(), { recursive: true, force: true });
  }
}

export async function labNames(): Promise<string[]> {
  return readdir(path.join(labRoot(), "labs")).catch(() => []);
}

/** A lab that was brought up, with what runs now; undefined when there is none of that name. */
export async function labStatus(name: string): Promise<LabStatus | undefined> {
  const plan = await readPlan(name);
  return plan === undefined ? undefined : statusOf(plan);
}

async function statusOf(plan: LabPlan): Promise<LabStatus> {
  const running = new Set<string>();
  for (const host of plan.hosts) {
    if (await isRunning(plan, host)) running.add(host.name);
  }
  return { ...plan, running, keyFile: keyPath(plan.name), knownHostsFile: knownHostsPath(plan.name) };
}

/** Hosts' disks lie in memory: twenty hosts are as fast as one. */
async function ensureMemory(name: string): Promise<void> {
  const memory = path.join(labPath(name), "memory");
  await mkdir(memory, { recursive: true });
  if (await tryCommand(["mountpoint", "-q", memory])) return;
  await runCommand(["mount", "-t", "tmpfs", "-o", "mode=0755,size=75%", "plumb-lab", memory]);
}

async function ensureKey(name: string): Promise<void> {
  if (await tryCommand(["test", "-f", keyPath(name)])) return;
  await runCommand(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", `lab ${name}`, "-f", keyPath(name)]);
}

async function writeKnownHosts(plan: LabPlan): Promise<void> {
  const lines: string[] = [];
  for (const host of plan.hosts)
    lines.push(`${host.name},${host.address} ${await publicHostKey(plan, host)}\n`);
  await writeFile(knownHostsPath(plan.name), lines.join(""));
}

const planFile = (name: string): string => path.join(labPath(name), "lab.json");

async function readPlan(name: string): Promise<LabPlan | undefined> {
  const text = await readFile(planFile(name), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as LabPlan);
}

async function existingPlan(name: string): Promise<LabPlan> {
  const plan = await readPlan(name);
  if (plan === undefined) throw new Error(`there is no lab ${name}: plumb lab up --name ${name}`);
  return plan;
}

async function writePlan(plan: LabPlan): Promise<void> {
  await writeFile(`${planFile(plan.name)}.new`, JSON.stringify(plan, undefined, 2));
  await rename(`${planFile(plan.name)}.new`, planFile(plan.name));
}

function hostsNamed(plan: LabPlan, names: readonly string[]): LabHost[] {
  return names.map((name) => {
    const host = plan.hosts.find((one) => one.name === name);
    if (host === undefined) {
      throw new Error(
        `lab ${plan.name} has no host ${name}: it has ${plan.hosts.map((one) => one.name).join(", ")}`,
      );
    }
    return host;
  });
}
