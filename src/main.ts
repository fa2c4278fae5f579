import { type Command, CommanderError, Option } from "commander";
import { CommandInUse } from "./cli/command-in-use.ts";
import { addCheckingCommands } from "./cli/define-checking-commands.ts";
import { addHistoryCommands } from "./cli/define-history-commands.ts";
import { addLabCommands } from "./cli/define-lab-commands.ts";
import { addPgbouncerCommands } from "./cli/define-pgbouncer-commands.ts";
import { addPlanCommands } from "./cli/define-plan-commands.ts";
import { addUndoCommands } from "./cli/define-undo-commands.ts";
import { addVaultCommands, withVaultOptions } from "./cli/define-vault-commands.ts";
import { addWorkerCommand } from "./cli/define-worker-command.ts";
import { helpOutput } from "./cli/help-output.ts";
import { RECORD_OPTION } from "./cli/record-option.ts";
import { repeatable } from "./cli/repeatable.ts";
import { VERSION } from "./cli/version.ts";

/** Options of the commands that connect to hosts. */
function withHostOptions(command: Command): Command {
  const all = command
    .option(
      "-i, --inventory <source>",
      "inventory: a file, a directory, a program, or a list of hosts with a comma",
      repeatable,
    )
    .option("-l, --limit <pattern>", "only these hosts")
    .option(
      "-e, --extra-vars <variables>",
      "variables that win over all others: key=value, JSON, or @file",
      repeatable,
    )
    .option(
      "-f, --forks <number>",
      "hosts worked on at once (default: 16 for each processor, 32 to 128; docs/fleets.md)",
    )
    .option("-b, --become", "act as another user (root unless --become-user says otherwise)")
    .option("--become-user <user>", "the user to become")
    .addOption(new Option("--become-method <method>", "how").choices(["sudo", "su"]))
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
    );
  return withVaultOptions(all);
}

const count = (_: string, total: number): number => total + 1;

const program = new CommandInUse("plumb")
  .description("Brings Linux hosts to the state that inventory, playbooks and roles describe, over SSH.")
  .version(VERSION)
  .exitOverride()
  .configureOutput(helpOutput)
  // A reader who goes away (`plumb doc | head`) ends the output and nothing else.
  .hook("preAction", () => void process.stdout.on("error", () => undefined))
  .addHelpText(
    "after",
    `
Examples:
  plumb run playbooks/pgbouncer.yml -i inventory/production --check --diff   what would change?
  plumb run playbooks/pgbouncer.yml -i inventory/production                  change it
  plumb ping all -i inventory/production                                     can all hosts be reached?
  plumb doc package                                                          parameters of a module

Exit status: 0 done; 1 a host failed; 2 wrong input; 4 a host could not be reached; 130 interrupted.
With --detailed-exitcode: 3 check found changes, 5 the run made changes. docs/exit-codes.md has those of plan, apply and drift.`,
  );

withHostOptions(program.command("run"))
  .description("bring hosts to the state that playbooks describe")
  .argument("<playbook...>", "playbook files")
  .option("-C, --check", "change nothing, say what would change")
  .option("-D, --diff", "show the differences")
  .option("-t, --tags <tags>", "only tasks with these tags", repeatable)
  .option("--skip-tags <tags>", "leave out tasks with these tags", repeatable)
  .option("--roles-path <folder>", "more folders with roles", repeatable)
  .option(
    "--fact-cache <folder>",
    "keep facts of `set_fact` with `cacheable` here for later runs (PLUMB_FACT_CACHE)",
  )
  .option("--syntax-check", "only read and check the playbooks")
  .option("--list-hosts", "only list the hosts of each play")
  .option("--list-tasks", "only list the tasks that would run")
  .option("--list-tags", "only list the tags that there are")
  .option("--step", "ask before each task: no, yes, or continue without asking")
  .option("--start-at-task <name>", "leave out the tasks before this one; the name may have * and ? in it")
  .option("--output <format>", "tty, plain, json or junit (default: tty on a terminal, plain elsewhere)")
  .option("-v, --verbose", "show every task; twice: results too", count, 0)
  .option("--record <database>", RECORD_OPTION)
  .option(
    "--workers <database>",
    "let `plumb worker` processes do the work of hosts, through this PostgreSQL",
  )
  .option("--no-record", "leave no record of the run in .plumb/runs")
  .option("--detailed-exitcode", "exit 3 when check found changes, 5 when the run made some")
  .option(
    "--resume [run]",
    "go on with a run that did not come to its end (the last one of these playbooks): hosts that were done are left alone",
  )
  .option("--take-over", "end what a run that is gone has left running on a host, instead of waiting for it")
  .addHelpText(
    "after",
    `
Examples:
  plumb run site.yml -i hosts.ini --limit 'web:!web3' --tags config
  plumb run site.yml -i hosts.ini -e version=1.24 -e @secrets.yml --vault-password-file ~/.vault
  plumb run site.yml -i hosts.ini --check --diff --detailed-exitcode`,
  )
  .action(async (files: string[], options) => {
    const { runCommand } = await import("./cli/run.ts");
    process.exitCode = await runCommand(files, options);
  });

withHostOptions(program.command("ping"))
  .description("connect to hosts and say how long it took")
  .argument("<pattern>", "which hosts, such as all or 'web:&production'")
  .addHelpText(
    "after",
    `
Examples:
  plumb ping all -i inventory/production --become
  plumb ping 'web:!web3' -i hosts.ini --user deploy --private-key ~/.ssh/deploy
  plumb ping all -i 192.0.2.10,192.0.2.11 --user root --accept-new-host-keys`,
  )
  .action(async (pattern: string, options) => {
    const { pingCommand } = await import("./cli/ping.ts");
    process.exitCode = await pingCommand(pattern, options);
  });

withHostOptions(program.command("connect"))
  .description("keep connections to hosts for the runs that follow")
  .argument("<pattern>", "which hosts, such as all or 'web:&production'")
  .option("--for <seconds>", "how long a connection is kept that nobody uses (default 600)")
  .option("--close", "close them")
  .addHelpText(
    "after",
    "\nExamples:\n  plumb connect poolers -i inventory/production --for 1800\n  plumb connect poolers -i inventory/production --close",
  )
  .action(async (pattern: string, options) => {
    const { connectCommand } = await import("./cli/connect.ts");
    process.exitCode = await connectCommand(pattern, options);
  });

program.command("keep-connections", { hidden: true }).action(async () => {
  const { keepConnections } = await import("./cli/keep-connections.ts");
  await keepConnections();
});

withHostOptions(program.command("facts"))
  .description("show the facts of hosts, as JSON")
  .argument("<pattern>", "which hosts")
  .addHelpText(
    "after",
    `
Examples:
  plumb facts pool1 -i inventory/production
  plumb facts all -i inventory/production | jq -r '.[] | .distribution_version'`,
  )
  .action(async (pattern: string, options) => {
    const { factsCommand } = await import("./cli/facts.ts");
    process.exitCode = await factsCommand(pattern, options);
  });

withHostOptions(program.command("exec"))
  .description("run a command on hosts")
  .argument("<pattern>", "which hosts")
  .argument("<command...>", "the command, after --; one word is taken as a line for the shell")
  .option("--time-limit <seconds>", "end a command that takes longer", "300")
  .addHelpText(
    "after",
    "\nExample:\n  plumb exec poolers -i inventory/production --become -- systemctl is-active pgbouncer",
  )
  .action(async (pattern: string, command: string[], options) => {
    const { execCommand } = await import("./cli/exec.ts");
    process.exitCode = await execCommand(pattern, command, options);
  });

withHostOptions(program.command("why"))
  .description(
    "say where a variable of a host comes from, or why a task would run, be skipped or change something",
  )
  .argument("<host>", "a host of the inventory")
  .argument(
    "[names...]",
    "the variable, and a playbook to see its plays and roles too; with --task the playbook",
  )
  .option("--task <name>", "explain this task; the host is looked at, and nothing is changed")
  .option("-t, --tags <tags>", "only tasks with these tags", repeatable)
  .option("--skip-tags <tags>", "leave out tasks with these tags", repeatable)
  .option("--roles-path <folder>", "more folders with roles", repeatable)
  .option("--json", "as JSON")
  .addHelpText(
    "after",
    `
Examples:
  plumb why pool1 pool_size -i inventory/production
  plumb why pool1 pool_size playbooks/pgbouncer.yml -i inventory/production
  plumb why pool1 --task 'Install PgBouncer' playbooks/pgbouncer.yml -i inventory/production`,
  )
  .action(async (host: string, names: string[], options) => {
    const { whyCommand } = await import("./cli/why.ts");
    process.exitCode = await whyCommand(host, names, options);
  });

withVaultOptions(program.command("inventory"))
  .description("show hosts, groups and variables")
  .option(
    "-i, --inventory <source>",
    "inventory: a file, a directory, a program, or a list of hosts with a comma",
    repeatable,
  )
  .option("--list", "everything, as JSON (as ansible-inventory --list)")
  .option("--graph", "groups and hosts as a tree")
  .option("--host <name>", "the variables of one host, as JSON")
  .option("--export", "with --list: variables stay with the groups that have them")
  .option("--vars", "with --graph: show variables too")
  .argument("[group]", "with --graph: the group to begin with")
  .addHelpText(
    "after",
    `
Examples:
  plumb inventory -i inventory/production --graph
  plumb inventory -i inventory/production --graph --vars poolers
  plumb inventory -i inventory/production --host pool1`,
  )
  .action(async (group: string | undefined, options) => {
    const { inventoryCommand } = await import("./cli/inventory.ts");
    process.exitCode = await inventoryCommand(group, options);
  });

program
  .command("doc")
  .description("list the modules, or show the parameters, results and examples of one")
  .argument("[module]", "a module")
  .option("--json", "as JSON")
  .addHelpText(
    "after",
    `
Examples:
  plumb doc
  plumb doc pgbouncer_ini`,
  )
  .action(async (module: string | undefined, options) => {
    const { docCommand } = await import("./cli/doc.ts");
    process.exitCode = await docCommand(module, options);
  });

addCheckingCommands(program);
addHistoryCommands(program);
addPlanCommands(program, withHostOptions);
addUndoCommands(program, withHostOptions);
addWorkerCommand(program, withVaultOptions);
addVaultCommands(program);
addPgbouncerCommands(program, withHostOptions);
addLabCommands(program);

program
  .command("completion")
  .description("print the completion script of a shell")
  .addHelpText(
    "after",
    `
Examples:
  plumb completion bash > /etc/bash_completion.d/plumb
  plumb completion zsh > /usr/local/share/zsh/site-functions/_plumb
  plumb completion fish > ~/.config/fish/completions/plumb.fish`,
  )
  .argument("<shell>", "bash, zsh or fish")
  .action(async (shell: string) => {
    const { completionScript } = await import("./cli/completion.ts");
    process.stdout.write(completionScript(shell, program));
  });

program.parseAsync().catch(async (error: unknown) => {
  if (error instanceof CommanderError) {
    // Help and version were asked for; everything else is input that commander has complained of already.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const { reportError } = await import("./cli/report-error.ts");
  process.exitCode = reportError(error);
});
