import { Command, type ErrorOptions, type Option } from "commander";

/**
 * A command that takes only its first option where it is not named on the command line: by that the list of commands shows that it has some. To take all options
 * of all commands is half of what it would cost to start.
 */
export class CommandInUse extends Command {
  override createCommand(name?: string): CommandInUse {
    return new CommandInUse(name);
  }

  override option(...given: unknown[]): this {
    return this.takesOption() ? super.option(...(given as Parameters<Command["option"]>)) : this;
  }

  override addOption(option: Option): this {
    return this.takesOption() ? super.addOption(option) : this;
  }

  /** What was typed wrongly is told with the help of the command that it was typed for. */
  override error(message: string, options?: ErrorOptions): never {
    const names: string[] = [];
    for (let command: Command | null = this; command !== null; command = command.parent)
      names.unshift(command.name());
    this.showHelpAfterError(`(${names.join(" ")} --help shows what there is)`);
    return super.error(message, options);
  }

  private takesOption(): boolean {
    const words = process.argv.slice(2);
    // Of all commands all options are what a shell completes.
    return this.options.length === 0 || words.includes(this.name()) || words.includes("completion");
  }
}
