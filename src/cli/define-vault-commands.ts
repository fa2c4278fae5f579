import type { Command } from "commander";
import { repeatable } from "./repeatable.ts";

/** Options of every command that reads files which may be vaulted. */
export function withVaultOptions(command: Command): Command {
  return command
    .option(
      "--vault-id <label@source>",
      "a vault password: a file, a program that prints it, or `prompt`, with the label of the vaults that it is for; may be given several times",
      repeatable,
    )
    .option("--vault-password-file <file>", "the same without a label: a file, or a program", repeatable)
    .option("-J, --ask-vault-pass", "ask for the vault password")
    .option("--age-identity <file>", "identities for files that are encrypted by age", repeatable);
}

const ENVIRONMENT = `
Without options the password comes from PLUMB_VAULT_PASSWORD_FILE or ANSIBLE_VAULT_PASSWORD_FILE (a file), and from PLUMB_VAULT_IDENTITY_LIST or
ANSIBLE_VAULT_IDENTITY_LIST (label@source, with commas); without those it is asked for. Identities of age: PLUMB_AGE_IDENTITY or SOPS_AGE_KEY_FILE.`;

/** `plumb vault …`: what ansible-vault does, with the same words. What each of them does is loaded when it is asked for. */
export function addVaultCommands(program: Command): void {
  const vault = program
    .command("vault")
    .description("keep secrets in files that only their password opens (Ansible's vault, age)")
    .addHelpText(
      "after",
      `
Examples:
  plumb vault encrypt group_vars/all/vault.yml                       asks for a password, twice
  plumb vault edit group_vars/all/vault.yml                          in $EDITOR; plain text touches no disk
  plumb vault view group_vars/all/vault.yml
  plumb vault encrypt-string -n db_password                          type it, paste the result into any YAML file
  plumb vault rekey --new-vault-id prod@~/.vault-prod group_vars/production/*.yml
  plumb run site.yml -i inventory --vault-id prod@~/.vault-prod      use what is in them
${ENVIRONMENT}`,
    );

  sealing(vault.command("encrypt"))
    .description("vault files; without a file, standard input to standard output")
    .argument("[file...]", "files; - for standard input")
    .option("--output <file>", "write to this file instead; - for standard output")
    .addHelpText(
      "after",
      `
Examples:
  plumb vault encrypt secrets.yml
  plumb vault encrypt --vault-id prod@~/.vault-prod host_vars/db1.yml host_vars/db2.yml     all of them or none
  pg_dump app | plumb vault encrypt --vault-password-file ~/.vault --output app.sql.vault
  plumb vault encrypt --age-recipient age1… --age-recipient team.txt tls.key                by age, for these people`,
    )
    .action(async (files: string[], options) => {
      const { encryptCommand } = await import("./vault.ts");
      process.exitCode = await encryptCommand(files, options);
    });

  withVaultOptions(vault.command("decrypt"))
    .description("take files out of their vaults; without a file, standard input to standard output")
    .argument("[file...]", "files; - for standard input")
    .option("--output <file>", "write to this file instead; - for standard output")
    .addHelpText(
      "after",
      `
Examples:
  plumb vault decrypt secrets.yml                       the file is plain text from now on: view and edit rarely need that
  plumb vault decrypt secrets.yml --output - | grep -c password
  plumb vault decrypt                                   paste a value from a YAML file, then Ctrl-D`,
    )
    .action(async (files: string[], options) => {
      const { decryptCommand } = await import("./vault.ts");
      process.exitCode = await decryptCommand(files, options);
    });

  withVaultOptions(vault.command("view"))
    .description("print what is in vaulted files")
    .argument("<file...>", "files; - for standard input")
    .addHelpText("after", "\nExample:\n  plumb vault view group_vars/all/vault.yml | less")
    .action(async (files: string[], options) => {
      const { viewCommand } = await import("./vault.ts");
      process.exitCode = await viewCommand(files, options);
    });

  sealing(vault.command("edit"))
    .description("change a vaulted file in an editor ($VISUAL, $EDITOR, vi)")
    .argument("<file>", "a vaulted file")
    .addHelpText(
      "after",
      `
The plain text lies in memory (/dev/shm or $XDG_RUNTIME_DIR), where only you can read it, while you edit, and is wiped whatever happens. The file is
vaulted with the password that opened it, unless --encrypt-vault-id or --age-recipient says otherwise; if you change nothing, it stays as it is.

Examples:
  plumb vault edit group_vars/all/vault.yml
  EDITOR='code --wait' plumb vault edit --vault-id prod@prompt secrets.yml`,
    )
    .action(async (file: string, options) => {
      const { editCommand } = await import("./vault-edit.ts");
      process.exitCode = await editCommand(file, options);
    });

  sealing(vault.command("create"))
    .description("write a new vaulted file in an editor")
    .argument("<file>", "a file that is not there yet")
    .addHelpText("after", "\nExample:\n  plumb vault create group_vars/production/vault.yml")
    .action(async (file: string, options) => {
      const { createCommand } = await import("./vault-edit.ts");
      process.exitCode = await createCommand(file, options);
    });

  withVaultOptions(vault.command("rekey"))
    .description("give vaulted files another password")
    .argument("<file...>", "vaulted files: all of them, or none if one can't be opened")
    .option("--new-vault-id <label@source>", "the new password and its label")
    .option("--new-vault-password-file <file>", "the new password, without a label")
    .addHelpText(
      "after",
      `
Examples:
  plumb vault rekey secrets.yml                                                     asks for the old one, and twice for the new
  plumb vault rekey --vault-password-file old --new-vault-password-file new group_vars/*/vault.yml
  plumb vault rekey --vault-id dev@old-pass --new-vault-id prod@prompt secrets.yml`,
    )
    .action(async (files: string[], options) => {
      const { rekeyCommand } = await import("./vault.ts");
      process.exitCode = await rekeyCommand(files, options);
    });

  sealing(vault.command("encrypt-string"), { age: false })
    .description("vault a value, for use inside of a YAML file")
    .argument("[text...]", "what to vault; better typed or piped: arguments stand in the shell's history")
    .option("-n, --name <name>", "the variable that the text is the value of; once for each text", repeatable)
    .option("--stdin-name <name>", "read standard input, and give it this name")
    .option("-p, --prompt", "ask for the text")
    .option("--output <file>", "write to this file")
    .addHelpText(
      "after",
      `
Examples:
  plumb vault encrypt-string -n db_password                                   asks for the value
  pwgen 32 1 | tr -d '\\n' | plumb vault encrypt-string --stdin-name db_password >> group_vars/all.yml
  plumb vault encrypt-string --vault-id prod@~/.vault-prod -p -n api_key

The result looks like this, and is used like any other variable:
  db_password: !vault |
            $ANSIBLE_VAULT;1.1;AES256
            6238…`,
    )
    .action(async (texts: string[], options) => {
      const { encryptStringCommand } = await import("./vault-encrypt-string.ts");
      process.exitCode = await encryptStringCommand(texts, options);
    });
}

function sealing(command: Command, { age = true } = {}): Command {
  const options = withVaultOptions(command).option(
    "--encrypt-vault-id <label>",
    "which of several vault passwords encrypts",
  );
  return age
    ? options
        .option(
          "--age-recipient <recipient>",
          "encrypt by age, for this recipient or those in this file",
          repeatable,
        )
        .option("--age-passphrase", "encrypt by age with the vault password as its passphrase")
        .option("--age-binary", "by age, not as text")
    : options;
}
