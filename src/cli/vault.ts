import { readFile, stat } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { type Diagnostic, DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { parseVaultId, passwordFrom } from "../variables/vault/password-source.ts";
import { type StagedFile, stageFile } from "../variables/vault/replace-file.ts";
import {
  encryptingPassword,
  type Seal,
  sealForAge,
  sealWith,
  sealWithPassphrase,
  unseal,
  vaultFormat,
} from "../variables/vault/sealing.ts";
import { askVaultPassword } from "./ask-password.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { encryptingLabel, keyringOf, type VaultOptions } from "./vault-options.ts";

/** Options of the commands that vault something. */
export interface SealOptions extends VaultOptions {
  encryptVaultId?: string;
  ageRecipient?: string[];
  agePassphrase?: boolean;
  ageBinary?: boolean;
}

interface OutputOption {
  output?: string;
}

const STDIN = "standard input";

/** `plumb vault encrypt`. */
export async function encryptCommand(
  files: readonly string[],
  options: SealOptions & OutputOption,
): Promise<ExitCode> {
  const inputs = await inputsOf(files, options);
  const problems = inputs.flatMap(({ name, bytes }): Diagnostic[] => {
    const format = vaultFormat(bytes);
    if (format === undefined) return [];
    return [
      {
        severity: "error",
        code: "vault-already-vaulted",
        message: `${name} is vaulted already (${format})`,
        ...(name === STDIN ? {} : { at: { file: name, line: 1, column: 1 } }),
        hint: "plumb vault rekey gives it another password, plumb vault edit changes what is in it",
      },
    ];
  });
  if (problems.length > 0) throw new DiagnosticsError(problems);
  const seal = await sealOf(options);
  const results = [];
  for (const input of inputs) results.push({ ...input, content: await seal(input.bytes) });
  return deliver(results, options, { wipesOld: true, done: "vaulted" });
}

/** `plumb vault decrypt`. */
export async function decryptCommand(
  files: readonly string[],
  options: VaultOptions & OutputOption,
): Promise<ExitCode> {
  const results = await opened(await inputsOf(files, options), await knownKeyring(options));
  return deliver(results, options, { wipesOld: false, done: "is plain text now" });
}

/** `plumb vault view`. */
export async function viewCommand(files: readonly string[], options: VaultOptions): Promise<ExitCode> {
  const results = await opened(await inputsOf(files, {}), await knownKeyring(options));
  for (const { content } of results) await print(content);
  return EXIT.ok;
}

/** `plumb vault rekey`. */
export async function rekeyCommand(
  files: readonly string[],
  options: VaultOptions & { newVaultId?: string; newVaultPasswordFile?: string },
): Promise<ExitCode> {
  const inputs = await inputsOf(files, {});
  const other = inputs.find(({ bytes }) => ["age", "sops"].includes(vaultFormat(bytes) ?? ""));
  if (other !== undefined) {
    throw inputError("vault-not-vaulted", `${other.name} is not in Ansible's vault, and has no password`, {
      hint: "for other recipients decrypt it, and encrypt it with --age-recipient; for SOPS there is `sops updatekeys`",
    });
  }
  const results = await opened(inputs, await knownKeyring(options));
  const { newVaultId, newVaultPasswordFile } = options;
  const source =
    newVaultId === undefined
      ? { id: "default", source: newVaultPasswordFile ?? "prompt" }
      : parseVaultId(newVaultId);
  const seal = sealWith(await passwordFrom(source, askVaultPassword, "new"));
  const sealed = [];
  for (const result of results) sealed.push({ ...result, content: await seal(result.content) });
  return deliver(sealed, {}, { wipesOld: false, done: "has its new password" });
}

/** The keys that were given; without any, the password is asked for. */
export async function knownKeyring(options: VaultOptions): Promise<Keyring> {
  const keyring = await keyringOf(options);
  if (keyring.passwords.length > 0 || keyring.ageIdentityFiles.length > 0) return keyring;
  if (!process.stdin.isTTY) return keyring;
  return keyringOf({ ...options, askVaultPass: true });
}

/**
 * How the options say that contents are vaulted. A password that nobody has given is asked for, twice.
 *
 * @throws DiagnosticsError
 */
export async function sealOf(options: SealOptions): Promise<Seal> {
  const { ageRecipient } = options;
  const encryptVaultId = encryptingLabel(options.encryptVaultId);
  if (ageRecipient !== undefined) return sealForAge(ageRecipient, options.ageBinary !== true);
  const keyring = await keyringOf({ ...options, askVaultPass: false });
  const password =
    keyring.passwords.length > 0
      ? encryptingPassword(keyring, encryptVaultId)
      : await passwordFrom({ id: encryptVaultId ?? "default", source: "prompt" }, askVaultPassword, "new");
  return options.agePassphrase === true
    ? sealWithPassphrase(password, options.ageBinary !== true)
    : sealWith(password);
}

interface Input {
  name: string;
  bytes: Buffer;
  /** Where the result goes; undefined: to standard output. */
  target: string | undefined;
}

/** All files are read before anything is done to one of them. */
async function inputsOf(files: readonly string[], { output }: OutputOption): Promise<Input[]> {
  const names = files.length === 0 ? ["-"] : files;
  if (output !== undefined && names.length > 1)
    throw inputError("invalid-option", "--output takes one file, and there are several");
  const target = (name: string): string | undefined => {
    const wanted = output ?? name;
    return wanted === "-" ? undefined : wanted;
  };
  const problems: Diagnostic[] = [];
  const inputs: Input[] = [];
  for (const name of names) {
    if (name === "-")
      inputs.push({ name: STDIN, bytes: withoutTag(await buffer(process.stdin)), target: target(name) });
    else {
      try {
        inputs.push({ name, bytes: await readFile(name), target: target(name) });
      } catch (error) {
        problems.push(unreadable(name, error));
      }
    }
  }
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return inputs;
}

/** A value may come as it stands in a YAML file: behind `name: !vault |`, and indented. */
function withoutTag(bytes: Buffer): Buffer {
  const start = /^\s*([\w.-]+:\s*)?(!vault(-encrypted)?\s*\|-?\s*\r?\n)?\s*(?=\$ANSIBLE_VAULT;)/.exec(
    bytes.subarray(0, 512).toString("latin1"),
  );
  return start === null ? bytes : bytes.subarray(start[0].length);
}

/** A file that can't be read. */
export function unreadable(name: string, error: unknown): Diagnostic {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return code === "ENOENT"
    ? { severity: "error", code: "file-not-found", message: `there is no file ${name}` }
    : {
        severity: "error",
        code: "file-unreadable",
        message: `${name} can't be read: ${error instanceof Error ? error.message : String(error)}`,
      };
}

interface Result {
  name: string;
  content: Buffer;
  target: string | undefined;
}

/** What is in the vaults; if one can't be opened, all that is wrong is told and none is touched. */
async function opened(inputs: readonly Input[], keyring: Keyring): Promise<Result[]> {
  const problems: Diagnostic[] = [];
  const results: Result[] = [];
  for (const { name, bytes, target } of inputs) {
    try {
      const { content } = await unseal(bytes, name, keyring);
      results.push({ name, content, target });
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      problems.push(...error.diagnostics);
    }
  }
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return results;
}

/** Writes the results beside their targets, all of them, before the first takes its place. */
async function deliver(
  results: readonly Result[],
  { output }: OutputOption,
  { wipesOld, done }: { wipesOld: boolean; done: string },
): Promise<ExitCode> {
  const staged: StagedFile[] = [];
  const written: string[] = [];
  try {
    for (const { target, content } of results) {
      if (target === undefined) continue;
      staged.push(await stageFile(target, content, { wipesOld: wipesOld && output === undefined }));
    }
    for (const one of staged) {
      await one.commit();
      written.push(one.file);
    }
  } catch (error) {
    throw inputError(
      "file-unreadable",
      `${written.length === 0 ? "nothing was written" : `only ${written.join(", ")} was written`}: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    for (const one of staged) await one.discard();
  }
  for (const { target, content } of results) if (target === undefined) await print(content);
  for (const { file } of staged) {
    const isOpen =
      !wipesOld && vaultFormat(await readFile(file)) === undefined && ((await stat(file)).mode & 0o077) !== 0;
    process.stderr.write(`${file} ${done}${isOpen ? ", and others may read it: chmod 600 it" : ""}\n`);
  }
  return EXIT.ok;
}

function print(content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(content, (error) => (error == null ? resolve() : reject(error)));
  });
}
