import type { Command } from "commander";
import { inputError } from "../diagnostics/diagnostic.ts";
import { moduleNamesAndAliases } from "../modules/catalogue.ts";
import { SCHEMA_KINDS } from "../schema/kinds.ts";

/**
 * The completion script of a shell, made from the commands and options that there are.
 *
 * @throws DiagnosticsError for another shell.
 */
export function completionScript(shell: string, program: Command): string {
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .map(
      (command): CompletedCommand => ({
        name: command.name(),
        words: [...wordsOf(command), ...argumentsOf(command.name())],
        inner: command.commands.map((one) => ({ name: one.name(), words: wordsOf(one) })),
      }),
    );
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
    case "fish":
      return commands
        .flatMap(({ name, words, inner }) => [
          `complete -c plumb -n __fish_use_subcommand -a ${name}`,
          ...words.map((word) => completeFish(name, word)),
          ...inner.flatMap((one) => one.words.map((word) => completeFish(one.name, word))),
        ])
        .join("\n")
        .concat("\n");
    default:
      throw inputError("invalid-option", `there is no completion for ${shell}`, {
        expected: "bash, zsh or fish",
      });
  }
}

interface CompletedCommand {
  name: string;
  words: string[];
  inner: { name: string; words: string[] }[];
}

function wordsOf(command: Command): string[] {
  const options = command.options
    .flatMap((option) => [option.long, option.short])
    .filter((word) => word != null);
  return [...command.commands.map((one) => one.name()), ...options];
}

/** What may stand behind a command besides options and files. */
function argumentsOf(command: string): readonly string[] {
  switch (command) {
    case "doc":
      return moduleNamesAndAliases();
    case "schema":
      return [...SCHEMA_KINDS, "module", ...moduleNamesAndAliases()];
    case "completion":
      return ["bash", "zsh", "fish"];
    default:
      return [];
  }
}

function completeFish(command: string, word: string): string {
  const when = `"__fish_seen_subcommand_from ${command}"`;
  return word.startsWith("--")
    ? `complete -c plumb -n ${when} -l ${word.slice(2)}`
    : word.startsWith("-")
      ? `complete -c plumb -n ${when} -s ${word.slice(1)}`
      : `complete -c plumb -n ${when} -a ${word}`;
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.flatMap(({ name, words, inner }) => [
    ...inner.map((one) => `    "${name} ${one.name}") words="${one.words.join(" ")}" ;;`),
    `    "${name} "*) words="${words.join(" ")}" ;;`,
  ]);
  return [
    "_plumb() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" words',
    '  case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in',
    ...cases,
    `    *) words="${commands.map(({ name }) => name).join(" ")}" ;;`,
    "  esac",
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${commands.map(({ name }) => name).join(" ")}"`,
    "  fi",
    '  COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))',
    "}",
    "complete -o filenames -F _plumb plumb",
    "",
  ].join("\n");
}
