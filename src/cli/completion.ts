import type { Command } from "commander";
import { inputError } from "../diagnostics/diagnostic.ts";
import { type Completed, type CompletedCommand, completedCommands } from "./completed-commands.ts";
import { fishScript } from "./completion-fish.ts";

/**
 * The completion script of a shell, made from the commands and options that there are.
 *
 * @throws DiagnosticsError for another shell.
 */
export function completionScript(shell: string, program: Command): string {
  const commands = completedCommands(program);
  switch (shell) {
    case "bash":
      return lines(lookUp(commands), BASH);
    case "zsh":
      return lines("#compdef plumb", lookUp(commands), ZSH);
    case "fish":
      return lines(fishScript(commands));
    default:
      throw inputError("invalid-option", `there is no completion for ${shell}`, {
        expected: "bash, zsh or fish",
      });
  }
}

const lines = (...texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");

/** `--output=json` is three words to bash, of which the second is the sign. A function has words of its own, or files, never both unless it says so. */
const BASH = `_plumb() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" values files
  if [ "$current" = "=" ]; then current=
  elif [ "$previous" = "=" ]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  _plumb_look_up "$COMP_CWORD" "\${COMP_WORDS[1]}" "\${COMP_WORDS[2]}" "$previous" "$current"
  COMPREPLY=($(compgen -W "$values" -- "$current"))
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -F _plumb plumb`;

const ZSH = `_plumb() {
  local previous="\${words[CURRENT-1]}" values files
  case "\${words[CURRENT]}" in
    --*=*) previous="\${words[CURRENT]%%=*}"; compset -P '*=' ;;
  esac
  _plumb_look_up "$((CURRENT-1))" "\${words[2]}" "\${words[3]}" "$previous" "\${words[CURRENT]}"
  [ -z "$values" ] || compadd -- \${=values}
  [ -z "$files" ] || _files
}
if [ "\${funcstack[1]}" = _plumb ]; then _plumb "$@"; else compdef _plumb plumb; fi`;

/**
 * A function of both shells: sets \`values\` and \`files\` for the word at a place of the command line.
 *
 * Its arguments are that place, the first and second word, the word before and the word itself.
 */
function lookUp(commands: readonly CompletedCommand[]): string {
  const groups = commands.filter(({ inner }) => inner.length > 0);
  const all = commands.flatMap((command) => [
    { way: command.name, command },
    ...command.inner.map((one) => ({ way: `${command.name} ${one.name}`, command: one })),
  ]);
  const cases = (entries: readonly (readonly [when: string, then: string])[]): string[] =>
    entries.map(([when, then]) => `    ${when}) ${then} ;;`);
  const optionsOf = ({ options }: CompletedCommand): string[] => options.flatMap(({ names }) => names);
  return [
    "_plumb_look_up() {",
    '  local command="$2"',
    "  values= files=",
    `  if [ "$1" -eq 1 ]; then ${words([...commands.map(({ name }) => name), "--help", "--version"])}; return; fi`,
    '  case "$2 $3" in',
    ...cases(all.filter(({ way }) => way.includes(" ")).map(({ way }) => [`"${way}"`, 'command="$2 $3"'])),
    "  esac",
    // What is being typed is no command yet.
    '  if [ "$1" -eq 2 ]; then command="$2"; fi',
    '  case "$command $4" in',
    ...cases(
      all.flatMap(({ way, command }) =>
        command.options.flatMap(({ names, value }) =>
          value === undefined
            ? []
            : [[names.map((name) => `"${way} ${name}"`).join(" | "), `${settings(value)}; return`] as const],
        ),
      ),
    ),
    "  esac",
    '  case "$5" in',
    "    -*)",
    '      case "$command" in',
    ...cases(all.map(({ way, command }) => [`"${way}"`, words(optionsOf(command))])),
    "      esac",
    "      return ;;",
    "  esac",
    '  case "$command" in',
    ...cases(groups.map(({ name, inner }) => [`"${name}"`, words(inner.map((one) => one.name))])),
    ...cases(
      all
        .filter(({ command }) => command.inner.length === 0)
        .map(({ way, command }) => [`"${way}"`, settings(command.argument)]),
    ),
    "  esac",
    "}",
  ].join("\n");
}

const words = (given: readonly string[]): string => `values="${given.join(" ")}"`;

function settings({ words: given, files }: Completed): string {
  const parts = [...(given.length === 0 ? [] : [words(given)]), ...(files ? ["files=yes"] : [])];
  return parts.length === 0 ? ":" : parts.join(" ");
}
