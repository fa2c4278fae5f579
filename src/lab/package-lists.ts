import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { runCommand, tryCommand } from "./command.ts";
import { imagePath, labRoot, type Release } from "./plan.ts";

const folder = (): string => path.join(labRoot(), "lists");

/** Hosts that find older ones fetch them anew by themselves. */
const MAX_AGE_MS = 3_600_000;

/**
 * A layer over a release's image in which apt has fetched its lists of packages, as on a host that has been in use: hosts that share it fetch and read them once for all, which takes each two
 * seconds of a processor and 160 MB. Each layer has a folder of its own, because others may lie below hosts that run.
 *
 * @returns where it is. @throws CommandFailure
 */
export async function ensurePackageLists(release: Release, proxy: string): Promise<string> {
  const made = (await readdir(folder()).catch(() => []))
    .map((name) => /^(\w+)-(\d+)$/.exec(name))
    .filter((match) => match?.[1] === release)
    .map((match) => Number(match?.[2]));
  const newest = Math.max(0, ...made);
  if (newest > Date.now() - MAX_AGE_MS) return path.join(folder(), `${release}-${newest}`);
  const now = Date.now();
  const unfinished = path.join(folder(), `${release}-${now}.unfinished`);
  const at = (part: string): string => path.join(unfinished, part);
  const [root, upper, work] = [at("root"), at("upper"), at("work")];
  for (const part of [root, upper, work]) await mkdir(part, { recursive: true });
  const layers = `lowerdir=${imagePath(release)},upperdir=${upper},workdir=${work}`;
  await runCommand(["mount", "-t", "overlay", "overlay", "-o", layers, root]);
  try {
    await runCommand(["chroot", root, "apt-get", "-qq", "-o", `Acquire::http::Proxy=${proxy}`, "update"]);
  } finally {
    await runCommand(["umount", root]);
  }
  const layer = path.join(folder(), `${release}-${now}`);
  await rename(upper, layer);
  await rm(unfinished, { recursive: true, force: true });
  return layer;
}

/** Takes all of them away: no host may be there. */
export async function removePackageLists(): Promise<void> {
  // Of somebody who was killed while one was made.
  for (const name of await readdir(folder()).catch(() => []))
    if (name.endsWith(".unfinished")) await tryCommand(["umount", "-l", path.join(folder(), name, "root")]);
  await rm(folder(), { recursive: true, force: true });
}
