import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import type { Inventory } from "../../src/inventory/inventory.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";

/** A new folder with these files; programs are executable. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-inventory-"));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    if (text.startsWith("#!")) await chmod(file, 0o755);
  }
  return folder;
}

/** The inventory of one file. */
export async function inventoryOf(name: string, text: string): Promise<Inventory> {
  return loadInventory([path.join(await folderWith({ [name]: text }), name)]);
}

/** The codes of what is wrong, with the lines they are told for. */
export async function findings(act: () => unknown): Promise<string[]> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return error.diagnostics.map(({ code, at }) => (at === undefined ? code : `${code}:${at.line}`));
  }
  return [];
}
