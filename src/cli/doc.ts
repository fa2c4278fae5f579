import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { canonicalModuleName, loadModule, moduleNames, moduleNamesAndAliases } from "../modules/catalogue.ts";
import { findOwnModules } from "../modules/own-modules.ts";
import { moduleReference } from "../modules/reference.ts";
import { tableLines } from "../views/table.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** `plumb doc`: from the modules' own schemas, those of one's own in the current folder's `library/` among them. */
export async function docCommand(module: string | undefined, options: { json?: boolean }): Promise<ExitCode> {
  if (module === undefined) {
    const rows = await Promise.all(
      moduleNames().map(async (name) => [name, (await loadModule(name)).summary]),
    );
    process.stdout.write(`${tableLines(rows).join("\n")}\n\nplumb doc MODULE shows the parameters of one.\n`);
    return EXIT.ok;
  }
  if (canonicalModuleName(module) === undefined) findOwnModules(".");
  const name = canonicalModuleName(module);
  if (name === undefined) {
    const meant = didYouMean(module, moduleNamesAndAliases());
    throw inputError(
      "unknown-module",
      `there is no module ${module}`,
      meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` },
    );
  }
  const loaded = await loadModule(name);
  const { markdown, schema } = moduleReference(loaded);
  process.stdout.write(options.json === true ? `${JSON.stringify(schema, undefined, 2)}\n` : markdown);
  return EXIT.ok;
}
