import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { runCommand, tryCommand } from "./command.ts";
import { imagePath, labRoot, type Release } from "./plan.ts";
import { trimLists } from "./trimmed-lists.ts";

const folder = (): string => path.join(labRoot(), "lists");

/** Hosts that find older ones fetch them anew by themselves. */
const MAX_AGE_MS = 3_600_000;

/** Given where packages come from; without pipelining, as hosts do it (`host.ts`). */
const GET = `get() { apt-get -qq -y -o Acquire::http::Proxy="$from" -o Acquire::http::Pipeline-Depth=0 --no-install-recommends "$@"; }
from=$1
`;
const FETCH = `${GET}get update`;
/** With lists that apt has read once. */
const INSTALL = `${GET}large=$(get -s install postgresql | sed -nE 's/^Inst (lib(llvm|icu|z3)[^ ]*) .*/\\1/p')
[ -z "$large" ] || get install $large
get clean
apt-cache gencaches`;

/**
 * A layer over a release's image in which apt has fetched its lists of packages, as on a host that has been in use, and of which those are left that anybody here installs: hosts that share it
 * fetch and read them once for all, which takes each two seconds of a processor and 160 MB. There are also the three largest of the libraries that Debian's PostgreSQL depends on, and that no
 * role names: a host that installs a server unpacks half as much, four seconds of a processor and 165 MB less. Each layer has a folder of its own, because others may lie below hosts that run.
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
    const inside = (script: string): Promise<string> =>
      runCommand(["chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", script, "sh", proxy]);
    await inside(FETCH);
    await trimLists(path.join(root, "var/lib/apt/lists"));
    await inside(INSTALL);
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
