import { inputError, type SourceRange } from "../../diagnostics/diagnostic.ts";
import { encrypt } from "./ansible-vault.ts";
import { isVaulted } from "./envelope.ts";
import type { Keyring, VaultPassword } from "./keyring.ts";
import { isAgeFile, isSopsFile, refuseCutOffSops } from "./other-formats.ts";

/** How contents are vaulted: by a password, or for recipients of age. */
export type Seal = (content: Uint8Array) => Promise<Buffer>;

export type VaultFormat = "ansible-vault" | "age" | "sops";

/** What a file is vaulted with; undefined for one that is not. */
export function vaultFormat(bytes: Buffer): VaultFormat | undefined {
  if (isVaulted(bytes)) return "ansible-vault";
  if (isAgeFile(bytes)) return "age";
  return isSopsFile(bytes) ? "sops" : undefined;
}

export function sealWith({ id, password }: VaultPassword): Seal {
  return async (content) => Buffer.from(encrypt(content, password, id));
}

export function sealForAge(recipients: readonly string[], isArmoured: boolean): Seal {
  return async (content) => {
    const { encryptAge } = await import("./age.ts");
    return encryptAge(content, recipients, isArmoured);
  };
}

/** By age with a passphrase, as `age -p` does. */
export function sealWithPassphrase({ password }: VaultPassword, isArmoured: boolean): Seal {
  return async (content) => {
    const { encryptWithPassphrase } = await import("./age.ts");
    return encryptWithPassphrase(content, password, isArmoured);
  };
}

/**
 * The password to encrypt with: the one that a label names, or the only one there is.
 *
 * @throws DiagnosticsError invalid-option
 */
export function encryptingPassword(keyring: Keyring, label: string | undefined): VaultPassword {
  const { passwords } = keyring;
  const labels = [...new Set(passwords.map(({ id }) => id))].join(", ");
  if (label !== undefined) {
    const found = passwords.find(({ id }) => id === label);
    if (found !== undefined) return found;
    throw inputError("invalid-option", `--encrypt-vault-id ${label}: no password with this label was given`, {
      expected: `one of: ${labels}`,
    });
  }
  const [only] = passwords;
  if (only !== undefined && passwords.length === 1) return only;
  throw inputError("invalid-option", `which of the vault passwords shall encrypt? There are: ${labels}`, {
    hint: "say so with --encrypt-vault-id LABEL",
  });
}

/** What is in a vaulted file, and how it is vaulted again after it was changed. */
export interface Unsealed {
  content: Buffer;
  /** As it was: with the same password, or for the same recipient. @throws DiagnosticsError when that can't be known */
  again: Seal;
}

/**
 * Opens a vaulted file for `decrypt`, `view`, `edit` and `rekey`.
 *
 * @throws DiagnosticsError vault-*
 */
export async function unseal(bytes: Buffer, file: string, keyring: Keyring): Promise<Unsealed> {
  const at: SourceRange = { file, line: 1, column: 1 };
  const format = vaultFormat(bytes);
  switch (format) {
    case undefined:
      refuseCutOffSops(bytes, file);
      throw inputError("vault-not-vaulted", `${file} is not vaulted`, {
        ...(file === "standard input" ? {} : { at }),
        expected: "a file of Ansible's vault, age or SOPS",
      });
    case "ansible-vault": {
      const { content, password } = keyring.decryptWith(bytes.toString(), file, at);
      return { content, again: sealWith(password) };
    }
    case "sops":
      return {
        content: (await keyring.open(bytes, file)).bytes,
        again: async () => {
          throw inputError("vault-key", `${file} is encrypted by SOPS: only sops itself can write it`, {
            at,
            hint: `sops edit ${file}`,
          });
        },
      };
    case "age": {
      const age = await import("./age.ts");
      if (age.hasPassphrase(age.unarmoured(bytes, file))) {
        const { content, password } = await age.decryptWithPassphrase(bytes, file, keyring.passwords);
        return { content, again: sealWithPassphrase(password, age.isArmoured(bytes)) };
      }
      const { bytes: content } = await keyring.open(bytes, file);
      return {
        content,
        again: async (changed) => {
          const { encryptAge, isArmoured, onlyRecipient } = age;
          const identities = { files: keyring.ageIdentityFiles, passwords: keyring.passwords };
          const recipient = await onlyRecipient(bytes, file, identities);
          if (recipient === undefined) {
            throw inputError("vault-key", `${file} has several recipients, and does not say who they are`, {
              at,
              hint: "name them all with --age-recipient",
            });
          }
          return encryptAge(changed, [recipient], isArmoured(bytes));
        },
      };
    }
  }
}
