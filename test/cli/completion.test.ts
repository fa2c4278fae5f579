import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { expect, test } from "vitest";
import { completionScript } from "../../src/cli/completion.ts";
import { addVaultCommands } from "../../src/cli/define-vault-commands.ts";

const program = new Command("plumb");
addVaultCommands(program);

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
});

test("fish gets the same", () => {
  const script = completionScript("fish", program);
  expect(script).toContain('complete -c plumb -n "__fish_seen_subcommand_from encrypt" -l age-recipient');
});
