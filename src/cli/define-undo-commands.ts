import type { Command } from "commander";
import { RECORD_OPTION } from "./record-option.ts";

/** `plumb rollback`. What it does is loaded when it is asked for. */
export function addUndoCommands(program: Command, withHostOptions: (command: Command) => Command): void {
  withHostOptions(program.command("rollback"))
    .description("put back on hosts what a run has replaced there")
    .argument("<pattern>", "which hosts, such as all or 'web:&production'")
    .option("--run <id>", "the run that is undone; without, the last one that changed something on each host")
    .option("-C, --check", "change nothing, say what would be put back")
    .option("-D, --diff", "show the differences")
    .option("--output <format>", "tty, plain, json or junit (default: plain)")
    .option("-v, --verbose", "twice: results too", (_: string, total: number) => total + 1, 0)
    .option(
      "--take-over",
      "end what a run that is gone has left running on a host, instead of waiting for it",
    )
    .option("--record <database>", RECORD_OPTION)
    .option("--no-record", "leave no record in .plumb/runs")
    .addHelpText(
      "after",
      `
Examples:
  plumb rollback poolers -i inventory/production --check --diff
  plumb rollback pool1 -i inventory/production --run 20261125T171500042-1a2b3c

It acts as root; what tasks have done as another user is put back with --become-user. What can't be put back is said (docs/undo.md).`,
    )
    .action(async (pattern: string, options) => {
      const { rollbackCommand } = await import("./rollback.ts");
      process.exitCode = await rollbackCommand(pattern, options);
    });
}
