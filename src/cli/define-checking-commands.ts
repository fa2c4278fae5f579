import type { Command } from "commander";
import { withVaultOptions } from "./define-vault-commands.ts";
import { repeatable } from "./repeatable.ts";

/** `plumb lint` and `plumb schema`: what can be known without a host. What each of them does is loaded when it is asked for. */
export function addCheckingCommands(program: Command): void {
  withVaultOptions(program.command("lint"))
    .description("check playbooks, roles, templates and inventories, without any host")
    .argument("[path...]", "files and folders (default: the current folder)")
    .option("-i, --inventory <source>", "inventories besides those under the paths", repeatable)
    .option(
      "-e, --extra-vars <variables>",
      "variables that a run would be given: key=value, JSON, or @file",
      repeatable,
    )
    .option("--roles-path <folder>", "more folders with roles", repeatable)
    .option("--format <format>", "pretty, json, sarif or github (default pretty)")
    .option("--strict", "warnings count as errors")
    .option("--list-rules", "show what is looked for")
    .addHelpText(
      "after",
      `
Examples:
  plumb lint
  plumb lint site.yml roles inventory/production --strict

Exit status: 0 no errors (there may be warnings and notes); 2 errors, with --strict warnings too.`,
    )
    .action(async (paths: string[], options) => {
      const { lintCommand } = await import("./lint.ts");
      process.exitCode = await lintCommand(paths, options);
    });

  program
    .command("schema")
    .description("print the JSON Schema of what people write, for editors")
    .argument("[kind]", "playbook, tasks, handlers, role, inventory, variables, or module", "playbook")
    .argument("[module]", "the name of a module")
    .option("--write <folder>", "write the schemas of every kind into a folder")
    .addHelpText(
      "after",
      "\nExample:\n  plumb schema --write .plumb/schemas\n\ndocs/editor.md says how editors find them.",
    )
    .action(async (kind: string, module: string | undefined, options) => {
      const { schemaCommand } = await import("./schema.ts");
      process.exitCode = await schemaCommand(kind, module, options);
    });
}
