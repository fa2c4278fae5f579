import { existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Where records are kept: PLUMB_RUNS_DIR, or `.plumb/runs` in the project that the current folder belongs to. */
export function recordFolder(): string {
  const set = process.env["PLUMB_RUNS_DIR"];
  if (set !== undefined && set !== "") return path.resolve(set);
  return path.join(projectFolder(process.cwd()), ".plumb", "runs");
}

/** The nearest folder upwards that has a `.plumb` or a `.git`; without one, the folder itself. */
function projectFolder(start: string): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, ".plumb")) || existsSync(path.join(folder, ".git"))) return folder;
    if (folder === path.dirname(folder)) return start;
  }
}

/**
 * Makes the folder, private, if it is not there, and sees to it that nobody else can put files into it.
 *
 * @throws Error when it can't be made, or is not ours alone.
 */
export function prepareRecordFolder(folder: string): void {
  if (!existsSync(folder)) {
    makeFolder(folder);
    // Records are no part of the project, and must not make its tree dirty.
    writeFileSync(path.join(folder, ".gitignore"), "*\n", { mode: 0o600 });
  }
  const found = lstatSync(folder);
  if (!found.isDirectory()) throw new Error(`${folder} is no folder`);
  if (found.uid !== process.getuid?.()) throw new Error(`${folder} belongs to another user`);
  if ((found.mode & 0o077) !== 0) throw new Error(`${folder} is open to other users; chmod 700 closes it`);
}

/** Not `recursive`: that never returns where a file system lets nobody make folders and says so with ENOENT, as /proc does (Node 24). */
function makeFolder(folder: string): void {
  const parent = path.dirname(folder);
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(folder, { mode: 0o700 });
}
