import type { Command } from "commander";

/** `plumb history`: what runs have done. What it does is loaded when it is asked for. */
export function addHistoryCommands(program: Command): void {
  const history = program
    .command("history")
    .description("what runs have done, from their records in .plumb/runs")
    .option("--host <pattern>", "only runs on this host; * and ? stand for anything")
    .option("--task <text>", "only runs of a task or module with this in its name")
    .option("--resource <text>", "only runs in which this (a path, a unit, a package) differed")
    .option("--status <status>", "how the run, or a task of it, ended: ok, changed, failed, unreachable, …")
    .option("--since <time>", "2026-11-25, 2026-11-25T17:00, or how long ago: 90m, 12h, 7d")
    .option("--until <time>", "the same")
    .option("-n, --number <count>", "how many runs to list, the newest ones", "20")
    .option("--json", "one JSON object a run and line")
    .addHelpText(
      "after",
      `
Examples:
  plumb history --host pool1 --status changed --since 7d
  plumb history --resource /etc/pgbouncer/pgbouncer.ini
  plumb history show last`,
    )
    .action(async (options) => {
      const { historyCommand } = await import("./history.ts");
      process.exitCode = await historyCommand(options);
    });

  history
    .command("show")
    .description("tell of a run again, with its differences")
    .argument("<run>", "the name of a run, the beginning of it, or `last`")
    .option("-v, --verbose", "every task")
    .action(async (run: string, _options, command: Command) => {
      const { historyShowCommand } = await import("./history.ts");
      process.exitCode = await historyShowCommand(run, command.optsWithGlobals());
    });
}
