import { readdir } from "node:fs/promises";
import path from "node:path";
import { didYouMean } from "../diagnostics/did-you-mean.ts";

/** For a file that is not there: the one in its folders whose name is much the same. */
export async function otherFile(written: string, folders: readonly string[]): Promise<string | undefined> {
  const lists = await Promise.all([...new Set(folders)].map((folder) => readdir(folder).catch(() => [])));
  const meant = didYouMean(path.basename(written), lists.flat());
  return meant === undefined ? undefined : `did you mean \`${path.join(path.dirname(written), meant)}\`?`;
}
