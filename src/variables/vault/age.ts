import { readFile } from "node:fs/promises";
import { armor, Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import { type Diagnostic, type DiagnosticsError, inputError } from "../../diagnostics/diagnostic.ts";
import { passphraseIdentity, passphraseRecipient } from "./age-passphrase.ts";
import type { VaultPassword } from "./keyring.ts";
import { AGE_ARMOUR, isAgeFile } from "./other-formats.ts";

/** What opens files of age. */
export interface Identities {
  /** As `age-keygen` writes them; one that is itself encrypted with a passphrase is opened with the vault passwords. */
  files: readonly string[];
  /** Passphrases are given as vault passwords are. */
  passwords: readonly VaultPassword[];
}

/**
 * What is in a file that is encrypted by age: for an identity, or with a passphrase.
 *
 * @throws DiagnosticsError vault-no-password, vault-key, vault-wrong-password, vault-truncated, vault-damaged
 */
export async function decryptAge(bytes: Buffer, file: string, identities: Identities): Promise<Buffer> {
  const at = { file, line: 1, column: 1 };
  const binary = unarmoured(bytes, file);
  if (hasPassphrase(binary)) return (await decryptWithPassphrase(binary, file, identities.passwords)).content;
  const identityFiles = identities.files;
  if (identityFiles.length === 0) {
    throw inputError("vault-no-password", `${file} is encrypted by age, and no identity was given`, {
      at,
      hint: "give --age-identity FILE, or set SOPS_AGE_KEY_FILE",
    });
  }
  const decrypter = new Decrypter();
  for (const identity of await identitiesIn(identities, file))
    addIdentity(decrypter, identity, identityFiles);
  try {
    return Buffer.from(await decrypter.decrypt(binary));
  } catch (error) {
    const reason = messageOf(error);
    if (reason.includes("no identity matched")) {
      throw inputError("vault-wrong-password", `${file} is encrypted by age for somebody else`, {
        at,
        hint: `tried the identities in ${identityFiles.join(", ")}`,
      });
    }
    throw damaged(file, reason, /stream ended/.test(reason));
  }
}

/** Whether a passphrase opens a file, and nothing else does: age allows no recipients beside one. */
export function hasPassphrase(binary: Uint8Array): boolean {
  const start = Buffer.from(binary.subarray(0, 64)).toString("latin1");
  return start.split("\n")[1]?.startsWith("-> scrypt ") === true;
}

/**
 * The content, and which of the passwords is the passphrase.
 *
 * @throws DiagnosticsError vault-no-password, vault-wrong-password, vault-truncated, vault-damaged
 */
export async function decryptWithPassphrase(
  bytes: Buffer,
  file: string,
  passwords: readonly VaultPassword[],
): Promise<{ content: Buffer; password: VaultPassword }> {
  const at = { file, line: 1, column: 1 };
  const binary = unarmoured(bytes, file);
  if (passwords.length === 0) {
    throw inputError(
      "vault-no-password",
      `${file} is encrypted by age with a passphrase, and none was given`,
      {
        at,
        hint: "give it as a vault password: --ask-vault-pass, --vault-password-file FILE or --vault-id LABEL@FILE",
      },
    );
  }
  for (const password of passwords) {
    const decrypter = new Decrypter();
    decrypter.addIdentity(passphraseIdentity(password.password));
    try {
      return { content: Buffer.from(await decrypter.decrypt(binary)), password };
    } catch (error) {
      const reason = messageOf(error);
      if (!reason.includes("no identity matched")) throw damaged(file, reason, /stream ended/.test(reason));
    }
  }
  throw inputError("vault-wrong-password", `no password that was given is the passphrase of ${file}`, {
    at,
    hint: `tried: ${passwords.map(({ id }) => id).join(", ")}`,
  });
}

/** Encrypts with a passphrase, as `age -p` does. */
export async function encryptWithPassphrase(
  content: Uint8Array,
  password: string,
  isArmoured: boolean,
): Promise<Buffer> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(passphraseRecipient(password));
  const binary = await encrypter.encrypt(content);
  return isArmoured ? Buffer.from(armor.encode(binary)) : Buffer.from(binary);
}

/**
 * Encrypts a content for recipients (`age1…`, or files with one a line).
 *
 * @param isArmoured as text, otherwise binary.
 * @throws DiagnosticsError vault-key
 */
export async function encryptAge(
  content: Uint8Array,
  recipients: readonly string[],
  isArmoured: boolean,
): Promise<Buffer> {
  const encrypter = new Encrypter();
  for (const recipient of await recipientsIn(recipients)) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw inputError("vault-key", `\`${recipient}\` is no recipient of age: ${messageOf(error)}`, {
        expected: "age1…, as `age-keygen -y` prints it; SSH keys can't be used",
      });
    }
  }
  const binary = await encrypter.encrypt(content);
  return isArmoured ? Buffer.from(armor.encode(binary)) : Buffer.from(binary);
}

export function isArmoured(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, AGE_ARMOUR.length)).toString("latin1") === AGE_ARMOUR;
}

/**
 * For whom a file can be encrypted again: a file does not say who its recipients are, only how many. If it is one, it is the owner of the identity.
 *
 * @returns undefined when there are others, who would lose the file.
 * @throws DiagnosticsError
 */
export async function onlyRecipient(
  bytes: Buffer,
  file: string,
  identities: Identities,
): Promise<string | undefined> {
  const header = unarmoured(bytes, file).toString("latin1").split("\n---")[0] ?? "";
  if ((header.match(/^-> /gm) ?? []).length !== 1) return undefined;
  for (const identity of await identitiesIn(identities, file)) {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const fits = await decrypter.decrypt(unarmoured(bytes, file)).then(
      () => true,
      () => false,
    );
    if (fits) return identityToRecipient(identity);
  }
  return undefined;
}

/** @throws DiagnosticsError vault-truncated, vault-damaged */
export function unarmoured(bytes: Buffer, file: string): Buffer {
  if (!isArmoured(bytes)) return bytes;
  const text = bytes.toString("latin1");
  if (!text.includes("-----END AGE ENCRYPTED FILE-----"))
    throw damaged(file, "its last line is not there", true);
  try {
    return Buffer.from(armor.decode(text));
  } catch (error) {
    throw damaged(file, messageOf(error), false);
  }
}

function damaged(file: string, reason: string, isTruncated: boolean): DiagnosticsError {
  return inputError(
    isTruncated ? "vault-truncated" : "vault-damaged",
    isTruncated
      ? `${file} is encrypted by age, and its end is missing: ${reason}`
      : `${file} is encrypted by age, and damaged or cut off: ${reason}`,
    {
      at: { file, line: 1, column: 1 },
      hint: "take it from a backup or from version control",
    },
  );
}

function addIdentity(decrypter: Decrypter, identity: string, files: readonly string[]): void {
  try {
    decrypter.addIdentity(identity);
  } catch {
    // The library's message would repeat the key.
    throw inputError("vault-key", `a line of ${files.join(", ")} is no identity of age`, {
      expected: "AGE-SECRET-KEY-1…, as `age-keygen` writes it; comments start with #",
    });
  }
}

/** @param encrypted the file that is to be opened with them. */
async function identitiesIn(given: Identities, encrypted: string): Promise<string[]> {
  const { files } = given;
  const texts = await Promise.all(files.map((file) => identityFile(file, given.passwords, encrypted)));
  const identities = texts.flatMap(linesOf);
  if (identities.length > 0 || files.length === 0) return identities;
  throw inputError("vault-key", `there is no identity in ${files.join(", ")}`, {
    hint: "make one with `age-keygen -o FILE`",
  });
}

/** Deriving a key from a passphrase takes a second, and many files may need the same identity. */
const openedIdentities = new Map<string, Promise<string>>();

async function identityFile(
  file: string,
  passwords: readonly VaultPassword[],
  encrypted: string,
): Promise<string> {
  const bytes = await keyFile(file, "identity", {
    at: { file: encrypted, line: 1, column: 1 },
    expected: "a file with a line AGE-SECRET-KEY-1…, as `age-keygen -o FILE` writes it",
    hint: `${encrypted} is to be opened with it: give the right one with --age-identity FILE, or in PLUMB_AGE_IDENTITY or SOPS_AGE_KEY_FILE`,
  });
  if (isSshKey(bytes)) {
    throw inputError(
      "vault-key",
      `${file} is an SSH key: Plumb opens files of age with identities of age only`,
      {
        hint: "make one with `age-keygen`, and encrypt for both with `age -R`; or decrypt the file with age itself",
      },
    );
  }
  if (!isAgeFile(bytes)) return bytes.toString();
  const key = bytes.toString("base64");
  const opened =
    openedIdentities.get(key) ??
    decryptWithPassphrase(bytes, file, passwords).then(({ content }) => content.toString());
  openedIdentities.set(key, opened);
  return opened;
}

const isSshKey = (bytes: Buffer): boolean =>
  /^-----BEGIN (OPENSSH|RSA) PRIVATE KEY-----/.test(bytes.toString("latin1"));

async function recipientsIn(recipients: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    recipients.map(async (one) =>
      /^(age1|ssh-)/.test(one)
        ? [one]
        : linesOf((await keyFile(one, "recipient", { expected: RECIPIENT_OR_FILE })).toString()),
    ),
  );
  return lists.flat();
}

const RECIPIENT_OR_FILE = "a recipient (age1…, as `age-keygen -y FILE` prints it), or a file with one a line";

async function keyFile(
  file: string,
  what: string,
  help: Partial<Pick<Diagnostic, "at" | "expected" | "hint">>,
): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const reason = WHY_NOT_READ[code] ?? `can't be read: ${messageOf(error)}`;
    throw inputError("vault-key", `the age ${what} file ${file} ${reason}`, help);
  }
}

const WHY_NOT_READ: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  ENOTDIR: "is not there",
  EISDIR: "is a folder",
  EACCES: "may not be read by the user who runs this",
};

function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
