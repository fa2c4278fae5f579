import type { Command, Option } from "commander";
import { moduleNamesAndAliases } from "../modules/catalogue.ts";
import { SCHEMA_KINDS } from "../schema/kinds.ts";
import { DRIFT_FORMATS } from "../views/drift.ts";
import { FINDING_FORMATS } from "../views/findings.ts";
import { OUTPUT_FORMATS } from "../views/view.ts";

/** What may stand at one place of a command line: these words, and files where it says so. */
export interface Completed {
  words: readonly string[];
  files: boolean;
}

export interface CompletedOption {
  /** `--output`, and `-o` where it has one. */
  names: readonly string[];
  /** What its value may be; undefined for an option that has none, or can be without. */
  value: Completed | undefined;
}

export interface CompletedCommand {
  name: string;
  options: readonly CompletedOption[];
  /** What may stand behind it besides options. */
  argument: Completed;
  /** The commands of a command: what stands behind it is one of these. */
  inner: readonly CompletedCommand[];
}

/** All commands of a program that its help shows. */
export function completedCommands(program: Command): CompletedCommand[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((command) => completedCommand(command, command.name()));
}

/** @param way the command's name, behind that of the command that it belongs to. */
function completedCommand(command: Command, way: string): CompletedCommand {
  const options = command.options.map(
    (option): CompletedOption => ({
      names: [option.long, option.short].filter((name) => name != null),
      value: option.required ? valueOfOption(option, way) : undefined,
    }),
  );
  return {
    name: command.name(),
    options: [...options, { names: ["--help", "-h"], value: undefined }],
    argument: argumentOf(command, way),
    inner: command.commands.map((one) => completedCommand(one, `${way} ${one.name()}`)),
  };
}

const NOTHING: Completed = { words: [], files: false };
const FILES: Completed = { words: [], files: true };
const only = (words: readonly string[]): Completed => ({ words, files: false });

/** Where an option's value, as its help calls it, is a file or a folder. */
const FILE_VALUES: ReadonlySet<string> = new Set(["<file>", "<folder>", "<source>", "<userlist>"]);

function valueOfOption(option: Option, way: string): Completed {
  if (option.argChoices !== undefined) return only(option.argChoices);
  const value = /<.*>/.exec(option.flags)?.[0] ?? "";
  if (FILE_VALUES.has(value)) return FILES;
  if (value === "<form>") return only(["scram-sha-256", "md5", "plain"]);
  if (value === "<status>") return only(["ok", "changed", "failed", "unreachable"]);
  if (value !== "<format>") return NOTHING;
  return only(way === "drift" ? DRIFT_FORMATS : way === "lint" ? FINDING_FORMATS : OUTPUT_FORMATS);
}

/** Arguments that are files, as the help of their commands calls them. */
const FILE_ARGUMENTS: ReadonlySet<string> = new Set(["playbook", "path", "plan", "file", "names"]);

function argumentOf(command: Command, way: string): Completed {
  switch (way) {
    case "doc":
      return only(moduleNamesAndAliases());
    case "schema":
      return only([...SCHEMA_KINDS, "module", ...moduleNamesAndAliases()]);
    case "completion":
      return only(["bash", "zsh", "fish"]);
    case "history show":
      return only(["last"]);
    default:
      return command.registeredArguments.some((argument) => FILE_ARGUMENTS.has(argument.name()))
        ? FILES
        : NOTHING;
  }
}
