import type { Command } from "commander";
import { withVaultOptions } from "./define-vault-commands.ts";
import { repeatable } from "./repeatable.ts";

/** `plumb pgbouncer …`. What each of them does is loaded when it is asked for. */
export function addPgbouncerCommands(program: Command, withHostOptions: (command: Command) => Command): void {
  const pgbouncer = program
    .command("pgbouncer")
    .description("status of poolers, sizes of pools, entries of userlists")
    .addHelpText(
      "after",
      `
Examples:
  plumb pgbouncer status poolers -i inventory/production --watch
  plumb pgbouncer size -i inventory/production
  plumb pgbouncer userlist app >> userlist.txt`,
    );
  withHostOptions(pgbouncer.command("size"))
    .description(
      "compare what the pools can open with what PostgreSQL takes; asks the servers of the inventory, or takes numbers",
    )
    .option("--max-connections <number>", "PostgreSQL's max_connections: reckon with numbers, ask nobody")
    .option("--reserved <number>", "connections kept for superusers (default 3)")
    .option("--direct <number>", "connections for who comes without the pooler (default 5)")
    .option("--users <number>", "users who come through the pooler (default 1)")
    .option("--databases <number>", "databases behind it (default 1)")
    .option("--hosts <number>", "pooler hosts (default 1)")
    .option("--processes <number>", "PgBouncer processes on each (default 1)")
    .option("--pool-size <number>", "default_pool_size; without it, the largest that fits")
    .option("--reserve-pool-size <number>", "reserve_pool_size (default 0)")
    .option("--max-db-connections <number>", "max_db_connections (default 0: no limit)")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      `
Examples:
  plumb pgbouncer size -i inventory/production
  plumb pgbouncer size --max-connections 200 --users 3 --databases 2 --hosts 2 --processes 2`,
    )
    .action(async (options) => {
      const { sizeCommand } = await import("./pgbouncer-size.ts");
      process.exitCode = await sizeCommand(options);
    });
  withVaultOptions(pgbouncer.command("userlist"))
    .description("make an entry for userlist.txt; asks for the password")
    .argument("<user>", "the user")
    .option("--password-file <file>", "take the password from a file")
    .option("--stdin", "take the password from standard input")
    .option("--variable <name>", "take the password from a variable of the inventory, vaulted or not")
    .option("--host <name>", "whose variable (default: the first host's)")
    .option(
      "-i, --inventory <source>",
      "inventory: a file, a directory, a program, or a list of hosts with a comma",
      repeatable,
    )
    .option("--form <form>", "scram-sha-256, md5 or plain (default scram-sha-256)")
    .option("--iterations <number>", "of the SCRAM verifier (default 4096)")
    .option("--verify <userlist>", "say whether the password fits the user's entry in this file")
    .addHelpText(
      "after",
      `
Examples:
  plumb pgbouncer userlist app >> userlist.txt
  plumb pgbouncer userlist app --variable app_password -i inventory/production`,
    )
    .action(async (user: string, options) => {
      const { userlistCommand } = await import("./pgbouncer-userlist.ts");
      process.exitCode = await userlistCommand(user, options);
    });
  withHostOptions(pgbouncer.command("status"))
    .description("show pools, waiting clients, health, certificates and drift of poolers, on one screen")
    .argument("<pattern>", "which hosts, such as poolers")
    .option("-w, --watch", "refresh until Ctrl-C")
    .option("--interval <seconds>", "with --watch: how often (default 2)")
    .option("--json", "as JSON; with --watch, one line a refresh")
    .addHelpText(
      "after",
      `
Exit status: 0 all is well; 1 something needs attention; 4 a host could not be reached.

Examples:
  plumb pgbouncer status poolers -i inventory/production --watch
  plumb pgbouncer status poolers -i inventory/production --json | jq '.hosts[].poolers[].pools'`,
    )
    .action(async (pattern: string, options) => {
      const { statusCommand } = await import("./pgbouncer-status.ts");
      process.exitCode = await statusCommand(pattern, options);
    });
}
