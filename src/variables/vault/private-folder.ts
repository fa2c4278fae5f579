import { constants } from "node:fs";
import { lstat, mkdtemp, open, readdir, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { overwrite } from "./replace-file.ts";

/** statfs(2): file systems that live in memory, and never reach a disk except by swapping. */
const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;
const PREFIX = "plumb-vault-";

/** A folder that nobody else can look into, for plain text that an editor must find in a file. */
export interface PrivateFolder {
  path: string;
  /** It is not in memory: what is written there may stay on a disk. */
  isOnDisk: boolean;
  /** Overwrites and removes all that is in it, an editor's own copies too. */
  wipe(): Promise<void>;
}

/** Makes one (0700), in memory if there is a place; and wipes what a killed Plumb of the same user has left behind. */
export async function makePrivateFolder(): Promise<PrivateFolder> {
  const candidates = [process.env["XDG_RUNTIME_DIR"], "/dev/shm"].filter((place) => place !== undefined);
  for (const place of candidates) {
    if (!(await isInMemory(place))) continue;
    await wipeLeftovers(place);
    const made = await mkdtemp(path.join(place, `${PREFIX}${process.pid}-`)).catch(() => undefined);
    if (made !== undefined) return { path: made, isOnDisk: false, wipe: () => wipe(made) };
  }
  await wipeLeftovers(tmpdir());
  const made = await mkdtemp(path.join(tmpdir(), `${PREFIX}${process.pid}-`));
  return { path: made, isOnDisk: true, wipe: () => wipe(made) };
}

async function isInMemory(place: string): Promise<boolean> {
  const { type } = await statfs(place).catch(() => ({ type: 0 }));
  return type === TMPFS_MAGIC || type === RAMFS_MAGIC;
}

async function wipe(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    const handle = await open(file, constants.O_RDWR | constants.O_NOFOLLOW).catch(() => undefined);
    if (handle === undefined) continue;
    await overwrite(handle).finally(() => handle.close());
  }
  await rm(folder, { recursive: true, force: true });
}

/**
 * A folder's name says which process made it: if that is gone, so is everybody who needs it. But the places are everybody's, and the name anybody's to give: in a folder or a link
 * of another user's, what is overwritten could be a file of ours that a link leads to.
 */
async function wipeLeftovers(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    if (await isOurs(path.join(place, name))) await wipe(path.join(place, name)).catch(() => undefined);
  }
}

/** Nobody else can have put anything into it. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
