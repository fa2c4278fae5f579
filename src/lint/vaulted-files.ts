import { readFile } from "node:fs/promises";
import { vaultFormat } from "../variables/vault/sealing.ts";

/** Which of these files are vaulted as a whole: nothing stands in them in plain text. */
export async function vaultedAmong(files: Iterable<string>): Promise<ReadonlySet<string>> {
  const vaulted = new Set<string>();
  for (const file of new Set(files)) {
    // What is not there any more is not vaulted: it is named by whoever could still read it.
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    if (vaultFormat(bytes) !== undefined) vaulted.add(file);
  }
  return vaulted;
}
