import type { Completed, CompletedCommand, CompletedOption } from "./completed-commands.ts";

/** Completion for fish, which wants a line for each word. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  return [
    // Files only where a command takes some.
    "complete -c plumb -f",
    ...commands.map(({ name }) => `complete -c plumb -n __fish_use_subcommand -a ${name}`),
    ...commands.flatMap((command) => {
      const seen = `__fish_seen_subcommand_from ${command.name}`;
      if (command.inner.length === 0) return linesOf(command, seen);
      const names = command.inner.map(({ name }) => name).join(" ");
      const before = `${seen}; and not __fish_seen_subcommand_from ${names}`;
      return [
        `complete -c plumb -n "${before}" -a "${names}"`,
        ...command.options.map((option) => optionLine(option, before)),
        ...command.inner.flatMap((one) =>
          linesOf(one, `${seen}; and __fish_seen_subcommand_from ${one.name}`),
        ),
      ];
    }),
  ].join("\n");
}

function linesOf({ options, argument }: CompletedCommand, when: string): string[] {
  return [
    ...options.map((option) => optionLine(option, when)),
    ...(argument.files ? [`complete -c plumb -n "${when}" -F`] : []),
    ...(argument.words.length === 0
      ? []
      : [`complete -c plumb -n "${when}" -a "${argument.words.join(" ")}"`]),
  ];
}

function optionLine({ names, value }: CompletedOption, when: string): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [`complete -c plumb -n "${when}"`, ...flags, ...valueFlags(value)].join(" ");
}

/** `-r`: a value follows; `-F`: files; `-x`: a value that is no file. */
function valueFlags(value: Completed | undefined): string[] {
  if (value === undefined) return [];
  if (value.files) return ["-r", "-F"];
  return value.words.length === 0 ? ["-x"] : ["-x", `-a "${value.words.join(" ")}"`];
}
