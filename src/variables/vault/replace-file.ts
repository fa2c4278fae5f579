import { randomBytes } from "node:crypto";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";

/** A new content that lies beside its target, ready to take its place. */
export interface StagedFile {
  file: string;
  /** Puts it in place, in one step. */
  commit(): Promise<void>;
  /** Takes it away again. Harmless after `commit`. */
  discard(): Promise<void>;
}

/** Mode of a file that was not there before: what is vaulted was meant for few, and what comes out of a vault even more so. */
const MODE_WHEN_NEW = 0o600;

/**
 * Writes a content beside its target, with the target's owner and mode, and syncs it to disk. The target is as it was until `commit`.
 *
 * @param wipesOld the content that is replaced must not stay behind on the disk (it was no vault before).
 * @throws Error of the file system
 */
export async function stageFile(
  target: string,
  content: Uint8Array,
  { wipesOld = false }: { wipesOld?: boolean } = {},
): Promise<StagedFile> {
  const file = await realpath(target).catch(() => path.resolve(target));
  const before = await stat(file).catch(() => undefined);
  const temporary = path.join(
    path.dirname(file),
    `.${path.basename(file)}.${randomBytes(6).toString("hex")}`,
  );
  const discard = (): Promise<void> => rm(temporary, { force: true });
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content);
      // Owner before mode: chown(2) clears the set-id bits.
      if (before !== undefined) await handle.chown(before.uid, before.gid);
      await handle.chmod(before === undefined ? MODE_WHEN_NEW : before.mode & 0o7777);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await discard();
    throw error;
  }
  const commit = async (): Promise<void> => {
    // Another name of the same file must keep its content.
    const old = wipesOld && before?.nlink === 1 ? await open(file, "r+").catch(() => undefined) : undefined;
    try {
      await rename(temporary, file);
      await syncFolder(path.dirname(file));
      if (old !== undefined) await overwrite(old);
    } finally {
      await old?.close();
    }
  };
  return { file: target, commit, discard };
}

/** Overwrites a file with zeros, as far as the file system lets that reach the disk. */
export async function overwrite(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  const zeros = Buffer.alloc(64 * 1024);
  for (let at = 0; at < size; at += zeros.length)
    await handle.write(zeros, 0, Math.min(zeros.length, size - at), at);
  await handle.sync();
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
