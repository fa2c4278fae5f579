import { spawn } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import { makePrivateFolder } from "../variables/vault/private-folder.ts";
import { stageFile } from "../variables/vault/replace-file.ts";
import { type Seal, unseal, vaultFormat } from "../variables/vault/sealing.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { knownKeyring, type SealOptions, sealOf, unreadable } from "./vault.ts";

/** `plumb vault edit`. */
export async function editCommand(file: string, options: SealOptions): Promise<ExitCode> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new DiagnosticsError([unreadable(file, error)]);
  });
  // Before anybody types: that a file is no vault needs no password.
  const keyring = vaultFormat(bytes) === undefined ? undefined : await knownKeyring(options);
  const { content, again } = await unseal(bytes, file, keyring ?? (await knownKeyring({})));
  const says = options.encryptVaultId !== undefined || options.ageRecipient !== undefined;
  const seal = says ? await sealOf(options) : again;
  // What can't be written again must not be edited first.
  await seal(content);
  const changed = await edited(content, file);
  if (changed === undefined) {
    process.stderr.write(`${file} stays as it was\n`);
    return EXIT.ok;
  }
  await save(file, changed, seal, bytes);
  process.stderr.write(`${file} is changed and vaulted\n`);
  return EXIT.ok;
}

/** `plumb vault create`. */
export async function createCommand(file: string, options: SealOptions): Promise<ExitCode> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) {
    throw inputError("invalid-option", `${file} is there already`, { hint: `plumb vault edit ${file}` });
  }
  const seal = await sealOf(options);
  const content = await edited(Buffer.alloc(0), file);
  if (content === undefined) throw inputError("invalid-option", `nothing was written: ${file} was not made`);
  await save(file, content, seal, undefined);
  process.stderr.write(`${file} is made and vaulted\n`);
  return EXIT.ok;
}

/** @param before what the file was when it was opened: somebody else's change must not be lost. */
async function save(file: string, content: Buffer, seal: Seal, before: Buffer | undefined): Promise<void> {
  const sealed = await seal(content);
  const now = await readFile(file).catch(() => undefined);
  const isSame = before === undefined ? now === undefined : now?.equals(before) === true;
  const target = isSame ? file : `${file}.edited`;
  await (await stageFile(target, sealed)).commit();
  if (isSame) return;
  throw inputError("file-unreadable", `${file} was changed by somebody else meanwhile`, {
    hint: `your version is vaulted in ${target}`,
  });
}

/**
 * What a person makes of a content in an editor; undefined if nothing was changed. The plain text is in a file only while the editor runs.
 *
 * @throws DiagnosticsError when the editor fails.
 */
async function edited(content: Buffer, file: string): Promise<Buffer | undefined> {
  const folder = await makePrivateFolder();
  if (folder.isOnDisk)
    process.stderr.write(
      `no file system in memory was found: the plain text is in ${folder.path} meanwhile\n`,
    );
  try {
    // Its own name, so that the editor knows its language.
    const plain = path.join(folder.path, path.basename(file));
    await writeFile(plain, content, { mode: 0o600, flag: "wx" });
    await runEditor(plain);
    const changed = await readFile(plain);
    return changed.equals(content) ? undefined : changed;
  } finally {
    await folder.wipe();
  }
}

/** The editor has the terminal; a signal to Plumb ends it, and then the plain text is wiped. */
async function runEditor(file: string): Promise<void> {
  const editor = process.env["VISUAL"] || process.env["EDITOR"] || "vi";
  // A shell that stays would be ended in the editor's place.
  const replace = /^\s*\w+=|[;&|]/.test(editor) ? "" : "exec ";
  const child = spawn("/bin/sh", ["-c", `${replace}${editor} "$1"`, editor, file], { stdio: "inherit" });
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  // Ctrl-C is the editor's own: the terminal gives it to both.
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  process.on("SIGTERM", forward);
  process.on("SIGHUP", forward);
  try {
    const end = await new Promise<string | undefined>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        resolve(code === 0 ? undefined : signal === null ? `exit ${code}` : signal);
      });
    });
    if (end === undefined) return;
    throw inputError("invalid-option", `the editor \`${editor}\` failed (${end}): nothing was changed`, {
      hint: "set EDITOR to one that works",
    });
  } finally {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", forward);
    process.off("SIGHUP", forward);
  }
}
