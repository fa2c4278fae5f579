import type { Command } from "commander";

/** `plumb lab`: real Debian hosts on this machine. */
export function addLabCommands(program: Command): void {
  const lab = program
    .command("lab")
    .description("real Debian hosts on this machine, to try things on (needs root)")
    .addHelpText(
      "after",
      `
Examples:
  plumb lab up web1 web2:trixie --name try
  plumb run site.yml -i /var/lib/plumb-lab/labs/try/hosts.yml
  plumb lab ssh web1 --name try
  plumb lab reset web1 --name try      a fresh disk, in seconds
  plumb lab down --name try            every trace is gone`,
    );
  const labName = ["--name <name>", "which lab", "lab"] as const;
  lab
    .command("up")
    .description("boot hosts; without names: db1, pool1, pool2, app1")
    .argument("[host...]", "names, with a release behind a colon: web1:trixie")
    .addHelpText(
      "after",
      `
Examples:
  plumb lab up
  plumb lab up web1 web2:trixie --name try`,
    )
    .option(...labName)
    .action(async (hosts: string[], options) => {
      const { labUpCommand } = await import("./lab.ts");
      process.exitCode = await labUpCommand(hosts, options);
    });
  lab
    .command("down")
    .description("end the hosts and remove every trace of the lab")
    .option(...labName)
    .option("--purge", "remove the images and cached packages too")
    .addHelpText(
      "after",
      `
Examples:
  plumb lab down --name try
  plumb lab down --name try --purge`,
    )
    .action(async (options) => {
      const { labDownCommand } = await import("./lab.ts");
      process.exitCode = await labDownCommand(options);
    });
  lab
    .command("list")
    .description("show the labs and their hosts")
    .addHelpText(
      "after",
      `
Example:
  plumb lab list`,
    )
    .action(async () => {
      const { labListCommand } = await import("./lab.ts");
      process.exitCode = await labListCommand();
    });
  lab
    .command("ssh")
    .description("log in to a host, or run a command there")
    .argument("<host>")
    .argument("[command...]", "the command, after --")
    .addHelpText(
      "after",
      `
Examples:
  plumb lab ssh web1 --name try
  plumb lab ssh web1 --name try -- journalctl -u nginx`,
    )
    .option(...labName)
    .action(async (host: string, command: string[], options) => {
      const { labSshCommand } = await import("./lab.ts");
      process.exitCode = await labSshCommand(host, command, options);
    });
  lab
    .command("reset")
    .description("give hosts a fresh disk")
    .argument("<host...>")
    .addHelpText(
      "after",
      `
Example:
  plumb lab reset web1 web2 --name try`,
    )
    .option(...labName)
    .action(async (hosts: string[], options) => {
      const { labResetCommand } = await import("./lab.ts");
      process.exitCode = await labResetCommand(hosts, options);
    });
}
