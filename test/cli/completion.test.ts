import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { expect, test } from "vitest";
import { completionScript } from "../../src/cli/completion.ts";
import { addCheckingCommands } from "../../src/cli/define-checking-commands.ts";
import { addVaultCommands } from "../../src/cli/define-vault-commands.ts";
import { PLUMB } from "../built-plumb.ts";

const program = new Command("plumb");
addVaultCommands(program);
addCheckingCommands(program);
program.command("doc").argument("[module]");

test("bash completes commands, the commands of a command, and their options", () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "plumb-completion-")), "plumb.bash");
  writeFileSync(file, completionScript("bash", program));
  const completed = (...words: string[]): string[] => {
    const script = `. ${file}; COMP_WORDS=(plumb ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _plumb; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync("bash", ["-c", script], { encoding: "utf8", cwd: path.dirname(file) });
    return stdout.split("\n").filter(Boolean);
  };
  expect(completed("va")).toEqual(["vault"]);
  expect(completed("vault", "enc")).toEqual(["encrypt", "encrypt-string"]);
  expect(completed("vault", "rekey", "--new")).toEqual(["--new-vault-id", "--new-vault-password-file"]);
  expect(completed("vault", "view", "--vault-p")).toEqual(["--vault-password-file"]);
  expect(completed("lint", "--form")).toEqual(["--format"]);
  expect(completed("schema", "inv")).toEqual(["inventory"]);
  expect(completed("schema", "module", "pgbouncer_us")).toEqual(["pgbouncer_userlist"]);
  expect(completed("doc", "known")).toEqual(["known_hosts"]);
});

test("every command of the program, and every option of each, is completed", () => {
  const run = (...args: string[]): string =>
    spawnSync(process.execPath, [PLUMB, ...args], { encoding: "utf8" }).stdout;
  const script = run("completion", "bash");
  const commands = [...run("--help").matchAll(/^ {2}([a-z]+)(?: .*)?$/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => !["plumb", "help"].includes(name));
  expect(commands).toEqual(expect.arrayContaining(["run", "lint", "schema", "doc", "vault", "lab"]));
  for (const command of commands) {
    const words = new RegExp(`^ *"${command} "\\*\\) words="(.*)" ;;$`, "m").exec(script)?.[1]?.split(" ");
    // Options stand at the start of a line of the help; others are only spoken of.
    const help = run(command, "--help");
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option = ""]) => option);
    expect(words, command).toEqual(expect.arrayContaining(options.filter((option) => option !== "--help")));
  }
});

test("fish gets the same", () => {
  const script = completionScript("fish", program);
  expect(script).toContain('complete -c plumb -n "__fish_seen_subcommand_from encrypt" -l age-recipient');
});

test("zsh completes what bash does, and files", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-zsh-"));
  writeFileSync(path.join(folder, "plumb.zsh"), completionScript("zsh", program));
  writeFileSync(path.join(folder, "site.yml"), "");
  // A completion needs a line editor, and that a terminal: zsh's own zpty gives it one.
  const completed = (line: string, wanted: string): string => {
    const session = [
      "zmodload zsh/zpty",
      "zpty shell 'zsh -f -i'",
      `zpty -w shell 'PS1=READY; unsetopt PROMPT_SP; autoload -U compinit; compinit -u -D; source ${folder}/plumb.zsh; bindkey "^I" complete-word; setopt NO_AUTO_MENU NO_LIST_BEEP; cd ${folder}; print IS-$((1+1))'`,
      "zpty -r -m shell out '*IS-2*'",
      `zpty -w -n shell ${JSON.stringify(line)}$'\\t'`,
      `zpty -r -m shell out '*${wanted}*'; print -r -- $out`,
      "zpty -d shell",
    ].join("\n");
    const { stdout } = spawnSync("zsh", ["-f", "-c", session], { encoding: "utf8", timeout: 30_000 });
    return stdout;
  };
  for (const [line, wanted] of [
    ["plumb va", "plumb vault"],
    ["plumb vault enc", "plumb vault encrypt"],
    ["plumb vault rekey --new-vault-i", "--new-vault-id"],
    ["plumb lint si", "site.yml"],
  ] as const)
    expect(completed(line, wanted)).toContain(wanted);
});
