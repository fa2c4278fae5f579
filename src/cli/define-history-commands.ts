import type { Command } from "commander";
import { repeatable } from "./repeatable.ts";

/** `plumb history`: what runs have done. What it does is loaded when it is asked for. */
export function addHistoryCommands(program: Command): void {
  const history = program
    .command("history")
    .description("what runs have done, from their records in .plumb/runs")
    .option("--host <pattern>", "only runs on this host; * and ? stand for anything")
    .option("--task <text>", "only runs of a task or module with this in its name")
    .option("--resource <text>", "only runs in which this (a path, a unit, a package) differed")
    .option(
      "--status <status>",
      "how the run, or a task of it, ended: ok, changed, failed, unreachable, unfinished, …",
    )
    .option("--since <time>", "2026-11-25, 2026-11-25T17:00, or how long ago: 90m, 12h, 7d")
    .option("--until <time>", "the same")
    .option("-n, --number <count>", "how many runs to list, the newest ones", "20")
    .option("--json", "one JSON object a run and line")
    .option("--record <database>", "look into this PostgreSQL: postgres://user@host/database, or @file")
    .addHelpText(
      "after",
      `
Examples:
  plumb history --host pool1 --status changed --since 7d
  plumb history --resource /etc/pgbouncer/pgbouncer.ini
  plumb history show last
  plumb history --record postgres://me@db1/plumb --host pool1`,
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
    .addHelpText(
      "after",
      "\nExamples:\n  plumb history show last\n  plumb history show 20261125T1715 -v\n\n--json and --record are those of plumb history.",
    )
    .action(async (run: string, _options, command: Command) => {
      const { historyShowCommand } = await import("./history.ts");
      process.exitCode = await historyShowCommand(run, command.optsWithGlobals());
    });

  history
    .command("push")
    .description("send records that a shared PostgreSQL lacks there (--record, or PLUMB_RECORD)")
    .addHelpText("after", "\nExample:\n  plumb history push --record postgres://me@db1/plumb")
    .action(async (_options, command: Command) => {
      const { historyPushCommand } = await import("./shared-history.ts");
      process.exitCode = await historyPushCommand(command.optsWithGlobals());
    });

  history
    .command("prepare")
    .description(
      "make the tables for records in a PostgreSQL, and let roles use them (--record, or PLUMB_RECORD)",
    )
    .option("--writer <role>", "a role that may add records, and nothing else", repeatable)
    .option("--reader <role>", "a role that may read them", repeatable)
    .option("--worker <role>", "a role that plumb run --workers and plumb worker may use", repeatable)
    .addHelpText(
      "after",
      "\nExample:\n  plumb history prepare --record postgres://postgres@db1/plumb --writer deploy --reader staff",
    )
    .action(async (_options, command: Command) => {
      const { historyPrepareCommand } = await import("./shared-history.ts");
      process.exitCode = await historyPrepareCommand(command.optsWithGlobals());
    });
}
