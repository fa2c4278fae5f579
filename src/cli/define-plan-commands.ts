import type { Command } from "commander";
import { RECORD_OPTION } from "./record-option.ts";
import { repeatable } from "./repeatable.ts";

/** `plumb plan`, `show`, `apply`: what would change, written down, and exactly that done. What each of them does is loaded when it is asked for. */
export function addPlanCommands(program: Command, withHostOptions: (command: Command) => Command): void {
  withSelection(withHostOptions(program.command("plan")))
    .description("write down what a run would change")
    .argument("<playbook...>", "playbook files")
    .option("-o, --out <file>", "write the plan into this file; it must not be there yet")
    .option("--record <database>", RECORD_OPTION)
    .option("--no-record", "leave no record of the check in .plumb/runs")
    .option("--detailed-exitcode", "exit 3 when there is something to change")
    .option(
      "--orphans",
      "list instead what earlier runs have made on the hosts and none of these playbooks asks for any more",
    )
    .option("--remove", "with --orphans: remove it")
    .addHelpText(
      "after",
      `
Examples:
  plumb plan site.yml databases.yml -i inventory/production --orphans
  plumb plan site.yml -i inventory/production -o monday.plan
  plumb show monday.plan
  plumb apply monday.plan`,
    )
    .action(async (files: string[], options) => {
      if (options.remove === true && options.orphans !== true) {
        const { inputError } = await import("../diagnostics/diagnostic.ts");
        throw inputError("invalid-option", "--remove goes with --orphans, and says what to do with them", {
          hint: "look first at what plumb plan --orphans finds",
        });
      }
      if (options.orphans === true) {
        const { orphansCommand } = await import("./orphans.ts");
        process.exitCode = await orphansCommand(files, options);
        return;
      }
      const { planCommand } = await import("./plan.ts");
      process.exitCode = await planCommand(files, options);
    });

  program
    .command("show")
    .description("show a plan, for review")
    .argument("<plan>", "a file that plumb plan wrote")
    .option("--json", "as JSON (docs/plans.md)")
    .addHelpText("after", "\nExample:\n  plumb show monday.plan")
    .action(async (file: string, options) => {
      const { showCommand } = await import("./plan.ts");
      process.exitCode = await showCommand(file, options);
    });

  withSelection(withHostOptions(program.command("drift")))
    .description("say what is out of true, since when, and how bad that is; change nothing")
    .argument("<playbook...>", "playbook files")
    .option("--output <format>", "pretty, json, junit, markdown or prometheus", "pretty")
    .option("-o, --out <file>", "write the report into this file, in the place of the last one")
    .option(
      "--severity <what=level>",
      "high, medium or low for a module, task, path or package (with * and ?); @file for a list",
      repeatable,
    )
    .option("--allow-unknown", "exit 0 though something can't be known without a run")
    .option("--record <database>", RECORD_OPTION)
    .option("--no-record", "leave no record of the check in .plumb/runs")
    .addHelpText(
      "after",
      `
Examples:
  plumb drift site.yml -i inventory/production
  plumb drift site.yml -i inventory/production --output prometheus -o /var/lib/prometheus/node-exporter/plumb.prom

Exit status: 0 everything is as wanted; 3 drift; 1 something could not be looked at; 4 a host could not be reached; 7 no drift was found, and something
can't be known without a run.`,
    )
    .action(async (files: string[], options) => {
      const { driftCommand } = await import("./drift.ts");
      process.exitCode = await driftCommand(files, options);
    });

  withHostOptions(program.command("apply"))
    .description("do exactly what a plan says; nothing where a host or the input is no longer as it was")
    .argument("<plan>", "a file that plumb plan wrote")
    .option("-D, --diff", "show the differences")
    .option("--record <database>", RECORD_OPTION)
    .option(
      "-v, --verbose",
      "show every task; twice: results too",
      (_: string, total: number) => total + 1,
      0,
    )
    .addHelpText(
      "after",
      `
Examples:
  plumb apply monday.plan
  plumb apply monday.plan --diff --ask-become-pass

Playbooks, inventory, limit and tags are the plan's. Passwords, keys and variables that were typed with -e are not in it: give them again.
Exit status: as plumb run, and 6 when it was refused: then nothing was touched.`,
    )
    .action(async (file: string, options) => {
      const { applyCommand } = await import("./apply.ts");
      process.exitCode = await applyCommand(file, options);
    });
}

/** Options that say which tasks take part. */
export function withSelection(command: Command): Command {
  return command
    .option("-t, --tags <tags>", "only tasks with these tags", repeatable)
    .option("--skip-tags <tags>", "leave out tasks with these tags", repeatable)
    .option("--roles-path <folder>", "more folders with roles", repeatable);
}
