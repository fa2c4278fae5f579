import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { inputError } from "../../diagnostics/diagnostic.ts";
import { refuseOpenToOthers } from "../../diagnostics/open-to-others.ts";
import type { VaultPassword } from "./keyring.ts";

const run = promisify(execFile);
/** Somebody may have to touch a key, or to type the password of a password manager. */
const LONGEST_MS = 5 * 60_000;

/** Where a password comes from, and the label of the vaults that it is for. */
export interface VaultId {
  id: string;
  source: string;
}

/** How a person is asked. @param kind "new": a password to come, which is typed twice. */
export type AskPassword = (id: string, kind: "known" | "new") => Promise<string>;

/** `label@source`, as `--vault-id` has it; without a label it is `default`. */
export function parseVaultId(text: string): VaultId {
  const at = text.indexOf("@");
  return at === -1
    ? { id: "default", source: text }
    : { id: text.slice(0, at) || "default", source: text.slice(at + 1) };
}

/**
 * The password from a source: `prompt`, a file, or a program that prints it (one whose name ends in `-client` is told the label, as Ansible tells it).
 *
 * @throws DiagnosticsError vault-password-source
 */
export async function passwordFrom(
  { id, source }: VaultId,
  ask: AskPassword,
  kind: "known" | "new" = "known",
): Promise<VaultPassword> {
  if (source === "prompt" || source === "prompt_ask_vault_pass") {
    const password = await ask(id, kind);
    if (password === "") throw inputError("vault-password-source", "a vault password can't be empty");
    return { id, password };
  }
  const file = path.resolve(source.replace(/^~(?=\/)/, homedir()));
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || found.isDirectory()) {
    throw inputError(
      "vault-password-source",
      found === undefined
        ? `there is no vault password file ${source}`
        : `the vault password file ${source} is a folder`,
      { expected: "a file with the password, a program that prints it, or `prompt`" },
    );
  }
  const password = ((await isProgram(file)) ? await printed(file, id) : await readable(file)).trim();
  if (password === "") throw inputError("vault-password-source", `the vault password in ${source} is empty`);
  return { id, password };
}

async function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function readable(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw inputError("vault-password-source", `the vault password file ${file} can't be read: ${reason}`);
  }
}

async function printed(file: string, id: string): Promise<string> {
  refuseOpenToOthers(file, "the vault password program");
  const isClient = /-client(\.[^.]+)?$/.test(path.basename(file));
  try {
    const { stdout } = await run(file, isClient ? ["--vault-id", id] : [], { timeout: LONGEST_MS });
    return stdout;
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    // Node's own message repeats the command line; how it ended is enough.
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const end = /^\d+$/.test(code) ? `exit ${code}` : code || "it was ended by a signal";
    throw inputError(
      "vault-password-source",
      `${file} gave no vault password: ${end}${said === "" ? "" : `: ${said}`}`,
      {
        hint: "a password file that is executable is run; take the permission away if it holds the password",
      },
    );
  }
}
