import type { Command } from "commander";

/** `plumb worker`. What it does is loaded when it is asked for. */
export function addWorkerCommand(program: Command, withVaultOptions: (command: Command) => Command): void {
  withVaultOptions(program.command("worker"))
    .description("work on hosts for runs with --workers, until it is told to stop")
    .argument("<database>", "the PostgreSQL that they share: postgres://user@host/database, or @file")
    .option(
      "-f, --forks <number>",
      "hosts worked on at once (default: 16 for each processor, 32 to 128; docs/fleets.md)",
    )
    .option("-K, --ask-become-pass", "ask for the password that becoming needs")
    .option("-u, --user <user>", "the user to log in as")
    .option("--private-key <file>", "the key to log in with")
    .option(
      "--timeout <seconds>",
      "how long to wait for a connection (default: as ssh's configuration says, or 10)",
    )
    .option(
      "--accept-new-host-keys",
      "trust the key of a host that is seen for the first time; a changed key is never trusted",
    )
    .addHelpText(
      "after",
      `
Example, in a checkout of the same files:
  plumb worker postgres://plumb@db1/plumb --vault-password-file ~/.vault

Keys of hosts, SSH keys and vault passwords are the worker's own (docs/fleets.md). Ctrl-C: it takes no more, and ends when what it has is done.`,
    )
    .action(async (database: string, options) => {
      const { workerCommand } = await import("./worker.ts");
      process.exitCode = await workerCommand(database, options);
    });
}
