import { existsSync } from "node:fs";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import path from "node:path";

/**
 * Each host gets a control group of its own: without, all hosts land in one, and their units' names collide. Tried on a machine with cgroup v1
 * (hybrid); with cgroup v2 there is one hierarchy, at the root.
 */
const CGROUPS = "/sys/fs/cgroup";
const V1_HIERARCHIES = ["systemd", "unified", "pids", "memory", "cpuacct"];

function hierarchies(): string[] {
  if (existsSync(path.join(CGROUPS, "cgroup.controllers"))) return [CGROUPS];
  return V1_HIERARCHIES.map((name) => path.join(CGROUPS, name)).filter((folder) => existsSync(folder));
}

const groupsOf = (lab: string, host: string): string[] =>
  hierarchies().map((hierarchy) => path.join(hierarchy, "plumb-lab", lab, host));

/** Makes the groups of a host. @returns the files into which its first process writes its pid. */
export async function makeGroups(lab: string, host: string): Promise<string[]> {
  const groups = groupsOf(lab, host);
  await Promise.all(groups.map((group) => mkdir(group, { recursive: true })));
  return groups.map((group) => path.join(group, "cgroup.procs"));
}

/** Removes the groups of a host that has ended, those that its systemd made too. */
export async function removeGroups(lab: string, host: string): Promise<void> {
  for (const group of groupsOf(lab, host)) {
    await removeTree(group);
    await rmdir(path.dirname(group)).catch(() => undefined);
    await rmdir(path.dirname(path.dirname(group))).catch(() => undefined);
  }
}

async function removeTree(group: string): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeTree(path.join(group, entry.name));
  }
  await rmdir(group).catch(() => undefined);
}
