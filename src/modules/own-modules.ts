import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inputError } from "../diagnostics/diagnostic.ts";
import { refuseOpenToOthers } from "../diagnostics/open-to-others.ts";
import { registerModule } from "./catalogue.ts";
import { importFile } from "./import-file.ts";
import type { Module } from "./module.ts";

/**
 * Makes the modules in the folder `library` known: `library/NAME.ts` (or .js, .mjs) holds the module NAME, as its default export: a function that is given the
 * public interface and returns the module. A module of ours can't be replaced.
 *
 * @throws DiagnosticsError for a name that is taken, or a file that anybody may have put there. What is wrong inside a file shows when a playbook uses it.
 */
export function findOwnModules(playbookFolder: string): void {
  const folder = path.join(playbookFolder, "library");
  const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isThere) refuseOpenToOthers(folder, "the folder of modules");
  for (const file of isThere ? readdirSync(folder) : []) {
    const name = /^([a-z][a-z0-9_]*)\.(ts|js|mjs)$/.exec(file)?.[1];
    if (name === undefined) continue;
    const full = path.join(folder, file);
    refuseOpenToOthers(full, "the module");
    if (!registerModule(name, full, () => loadOwnModule(full, name))) {
      throw inputError("unknown-module", `${full}: there is a module \`${name}\` already`, {
        hint: "give the file another name: a module that ships can't be replaced",
      });
    }
  }
}

async function loadOwnModule(file: string, name: string): Promise<Module> {
  const { publicInterface } = await import("./public-interface.ts");
  let made: unknown;
  try {
    const loaded = (await importFile(pathToFileURL(file).href)) as { default?: unknown };
    made = typeof loaded.default === "function" ? loaded.default(publicInterface) : undefined;
  } catch (error) {
    throw inputError(
      "unknown-module",
      `the module ${file} can't be loaded: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!isModule(made) || made.name !== name) {
    throw inputError("unknown-module", `${file} gives no module \`${name}\``, {
      expected: `export default (plumb) => plumb.defineModule({ name: "${name}", … })`,
    });
  }
  return made;
}

function isModule(value: unknown): value is Module {
  if (typeof value !== "object" || value === null) return false;
  return ["name", "params", "queries", "diff", "steps"].every((key) => key in value);
}
