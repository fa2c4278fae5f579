import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command, Option } from "commander";
import { expect, test } from "vitest";
import { completionScript } from "../../src/cli/completion.ts";
import { addCheckingCommands } from "../../src/cli/define-checking-commands.ts";
import { addHistoryCommands } from "../../src/cli/define-history-commands.ts";
import { addLabCommands } from "../../src/cli/define-lab-commands.ts";
import { addVaultCommands } from "../../src/cli/define-vault-commands.ts";
import { PLUMB } from "../built-plumb.ts";

const program = new Command("plumb");
addVaultCommands(program);
addCheckingCommands(program);
addHistoryCommands(program);
addLabCommands(program);
program.command("doc").argument("[module]");
program
  .command("run")
  .argument("<playbook...>")
  .option("-i, --inventory <source>")
  .option("-l, --limit <pattern>")
  .option("--output <format>")
  .option("--resume [run]")
  .addOption(new Option("--become-method <method>").choices(["sudo", "su"]));

/** A folder with a file and a folder in it, of which the latter is called as a command is, and the completion script of a shell. */
function folderWith(shell: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-completion-"));
  writeFileSync(path.join(folder, `_plumb.${shell}`), completionScript(shell, program));
  writeFileSync(path.join(folder, "site.yml"), "");
  mkdirSync(path.join(folder, "vault"));
  return folder;
}

/** What is typed, and what may follow, in every shell that there is a script for. */
const COMPLETIONS: readonly (readonly [line: string, expected: readonly string[]])[] = [
  ["va", ["vault"]],
  ["vault enc", ["encrypt", "encrypt-string"]],
  ["vault ", ["create", "decrypt", "edit", "encrypt", "encrypt-string", "rekey", "view"]],
  ["lab ", ["down", "list", "reset", "ssh", "up"]],
  ["history ", ["prepare", "push", "show"]],
  ["vault rekey --new", ["--new-vault-id", "--new-vault-password-file"]],
  ["vault view --vault-p", ["--vault-password-file"]],
  ["lint --form", ["--format"]],
  ["lint --format ", ["github", "json", "pretty", "sarif"]],
  ["run --output ", ["json", "junit", "plain", "tty"]],
  ["run --output j", ["json", "junit"]],
  ["run --become-method ", ["su", "sudo"]],
  ["run --limit ", []],
  ["run -i si", ["site.yml"]],
  ["run si", ["site.yml"]],
  ["run --resume si", ["site.yml"]],
  ["vault edit si", ["site.yml"]],
  ["history --status un", ["unreachable"]],
  ["schema inv", ["inventory"]],
  ["schema module pgbouncer_us", ["pgbouncer_userlist"]],
  ["doc known", ["known_hosts"]],
  ["doc si", []],
];

test("bash completes commands, the commands of a command, options and their values; files only where some are meant", () => {
  const folder = folderWith("bash");
  const completed = (...words: string[]): string[] => {
    const script = `. ./_plumb.bash; COMP_WORDS=(plumb ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _plumb; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync("bash", ["-c", script], { encoding: "utf8", cwd: folder });
    return stdout.split("\n").filter(Boolean).toSorted();
  };
  for (const [line, expected] of COMPLETIONS)
    expect([line, completed(...line.split(" "))]).toEqual([line, expected]);
  // To bash the sign is a word.
  expect(completed("run", "--output", "=")).toEqual(["json", "junit", "plain", "tty"]);
  expect(completed("run", "--output", "=", "t")).toEqual(["tty"]);
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
    const words = new RegExp(`^ *"${command}"\\) values="(.*--help.*)" ;;$`, "m")
      .exec(script)?.[1]
      ?.split(" ");
    // Options stand at the start of a line of the help; others are only spoken of.
    const help = run(command, "--help");
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option = ""]) => option);
    expect(words, command).toEqual(expect.arrayContaining(options.filter((option) => option !== "--help")));
  }
});

test("fish completes the same", () => {
  const folder = folderWith("fish");
  const script = COMPLETIONS.map(([line]) => `echo ':'; complete -C 'plumb ${line}'`).join("; ");
  const { stdout } = spawnSync("fish", ["-N", "-c", `source _plumb.fish; ${script}`], {
    encoding: "utf8",
    cwd: folder,
  });
  const completed = stdout.split(":\n").slice(1);
  for (const [index, [line, expected]] of COMPLETIONS.entries()) {
    // It goes on to words that have what was typed somewhere in them.
    const typed = line.split(" ").at(-1) ?? "";
    const words = completed[index]?.split("\n").map((one) => one.split("\t")[0] ?? "");
    const right = words?.filter((word) => word !== "" && word.startsWith(typed));
    expect([line, right?.toSorted()]).toEqual([line, expected]);
  }
});

test("zsh completes what bash does, and files", () => {
  const folder = folderWith("zsh");
  // A completion needs a line editor, and that a terminal: zsh's own zpty gives it one.
  const completed = (line: string, wanted: string): string => {
    const session = [
      "zmodload zsh/zpty",
      "zpty shell 'zsh -f -i'",
      `zpty -w shell 'PS1=READY; unsetopt PROMPT_SP; autoload -U compinit; compinit -u -D; source ${folder}/_plumb.zsh; bindkey "^I" complete-word; setopt NO_AUTO_MENU NO_LIST_BEEP; cd ${folder}; print IS-$((1+1))'`,
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
    ["plumb vault vie", "plumb vault view"],
    ["plumb lint --format sa", "--format sarif"],
    ["plumb run --output=t", "--output=tty"],
    ["plumb run --output p", "--output plain"],
    ["plumb lint si", "site.yml"],
  ] as const)
    expect(completed(line, wanted)).toContain(wanted);
});
