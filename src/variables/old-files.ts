import { readdir, rm, stat } from "node:fs/promises";
import path from "node:path";

/** Removes the files of a folder that were last written longer ago than this. */
export async function removeOldFiles(folder: string, keptDays: number): Promise<void> {
  const oldest = Date.now() - keptDays * 24 * 60 * 60 * 1000;
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    if ((await stat(file)).mtimeMs < oldest) await rm(file, { force: true });
  }
}
