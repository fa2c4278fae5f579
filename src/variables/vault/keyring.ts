import { inputError, type SourceRange } from "../../diagnostics/diagnostic.ts";
import { Secrets } from "../../diagnostics/secrets.ts";
import type { Value } from "../value.ts";
import type { Identities } from "./age.ts";
import { decrypt } from "./ansible-vault.ts";
import { DamagedVault, type Envelope, isVaulted, openEnvelope } from "./envelope.ts";
import { isAgeFile, isSopsFile } from "./other-formats.ts";

/** A password that was given, with the label that says which vaults it is for. */
export interface VaultPassword {
  id: string;
  password: string;
}

/** What stands in a file, out of its vault if it was in one. */
export interface OpenedFile {
  bytes: Buffer;
  /** The file as a whole was vaulted: all that is in it is secret. */
  isFromVault: boolean;
}

/** Shorter numbers (counts, version numbers) would hide half of what is said. */
const SHORTEST_SECRET_NUMBER = 4;

/**
 * Opens vaults: the passwords and keys that were given, and the secrets to which all that comes out of a vault is added. Made once from the command
 * line and handed to whatever reads files, so that a file may be vaulted wherever one is read.
 */
export class Keyring {
  readonly secrets: Secrets;
  readonly passwords: readonly VaultPassword[];
  readonly ageIdentityFiles: readonly string[];

  constructor(
    secrets = new Secrets(),
    keys: { passwords?: readonly VaultPassword[]; ageIdentityFiles?: readonly string[] } = {},
  ) {
    this.secrets = secrets;
    this.passwords = keys.passwords ?? [];
    this.ageIdentityFiles = keys.ageIdentityFiles ?? [];
    for (const { password } of this.passwords) secrets.add(password);
  }

  get #identities(): Identities {
    return { files: this.ageIdentityFiles, passwords: this.passwords };
  }

  /**
   * What is in a file that may be vaulted as a whole: by Ansible's vault, age or SOPS.
   *
   * @throws DiagnosticsError vault-*
   */
  async open(bytes: Buffer, file: string): Promise<OpenedFile> {
    if (isVaulted(bytes))
      return { bytes: this.decrypt(bytes.toString(), file, { file, line: 1, column: 1 }), isFromVault: true };
    if (isAgeFile(bytes)) {
      const { decryptAge } = await import("./age.ts");
      return { bytes: await decryptAge(bytes, file, this.#identities), isFromVault: true };
    }
    if (isSopsFile(bytes)) {
      const { decryptSops } = await import("./sops.ts");
      return { bytes: await decryptSops(bytes, file, this.#identities), isFromVault: true };
    }
    return { bytes, isFromVault: false };
  }

  /**
   * What is in a text of Ansible's vault. Passwords with its label are tried first, then the others, as Ansible does.
   *
   * @param what names it in messages: "this value", or a file.
   * @throws DiagnosticsError vault-damaged, vault-truncated, vault-no-password, vault-wrong-password
   */
  decrypt(text: string, what: string, at: SourceRange): Buffer {
    return this.decryptWith(text, what, at).content;
  }

  /** Whether it is a vault at all, and whole. @throws DiagnosticsError vault-damaged, vault-truncated */
  check(text: string, what: string, at: SourceRange): void {
    opened(text, what, at);
  }

  /** The same, and which password it was. */
  decryptWith(text: string, what: string, at: SourceRange): { content: Buffer; password: VaultPassword } {
    const envelope = opened(text, what, at);
    const label = envelope.id ?? "default";
    const inOrder = [...this.passwords].sort((a, b) => Number(b.id === label) - Number(a.id === label));
    for (const password of inOrder) {
      const content = decrypt(envelope, password.password);
      if (content !== undefined) return { content, password };
    }
    const labelled = envelope.id === undefined ? "" : ` with the label \`${envelope.id}\``;
    if (inOrder.length === 0) {
      throw inputError(
        "vault-no-password",
        `${what} is vaulted${labelled}, and no vault password was given`,
        {
          at,
          hint: `give --vault-id ${label}@FILE, --vault-password-file FILE or --ask-vault-pass`,
        },
      );
    }
    throw inputError(
      "vault-wrong-password",
      `${what} is vaulted${labelled}, and no password that was given opens it`,
      {
        at,
        hint: `tried: ${inOrder.map(({ id }) => id).join(", ")}. Either it was vaulted with another password, or it was changed since`,
      },
    );
  }

  /** Hides a text from now on; each line of it is a secret of its own. */
  hide(text: string): void {
    this.secrets.add(text);
  }

  /**
   * Hides a file of any kind: its lines, what stands behind `=` or `:` in them, and words that look made up. Programs print parts of lines:
   * of `PASSWORD=x` in a file of settings, somebody shows `x`.
   */
  hideFile(text: string): void {
    this.secrets.add(text);
    for (const line of text.split(/\r?\n/)) {
      const value = /[=:]\s*(.*?)\s*[,;]?$/.exec(line)?.[1];
      if (value !== undefined) this.secrets.add(unquoted(value));
      for (const word of line.split(/[\s"'`=,;<>(){}[\]]+/)) if (looksMadeUp(word)) this.secrets.add(word);
    }
  }

  /** Hides all that can be a secret in a value from a vault. Keys say what the secrets are for, and stay. */
  hideValue(value: Value): void {
    if (typeof value === "string") this.secrets.add(value);
    else if (typeof value === "number") {
      if (String(value).length >= SHORTEST_SECRET_NUMBER) this.secrets.add(String(value));
    } else if (Array.isArray(value)) for (const item of value) this.hideValue(item);
    else if (typeof value === "object" && value !== null)
      for (const item of Object.values(value)) this.hideValue(item);
  }

  /** Hides what a function has made of a secret, such as its hash or a part of it. What still has the secret in it is found anyway. */
  hideDerived(from: readonly unknown[], result: unknown): void {
    if (this.secrets.isEmpty) return;
    const made = texts(result).filter((text) => !from.includes(text) && !this.secrets.appearsIn(text));
    if (made.length === 0 || !from.some((one) => texts(one).some((text) => this.secrets.appearsIn(text))))
      return;
    for (const text of made) this.secrets.add(text);
  }
}

function unquoted(text: string): string {
  return text.replace(/^(["'])(.*)\1$/s, "$2");
}

/** Letters and digits, and long enough not to be `x86_64` or `utf8`. */
function looksMadeUp(word: string): boolean {
  return word.length >= 8 && /\d/.test(word) && /[A-Za-z]/.test(word);
}

/** Texts and lists of texts. Mappings are left out: those of hosts are rendered when somebody looks, and must not be for this. */
function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function opened(text: string, what: string, at: SourceRange): Envelope {
  try {
    return openEnvelope(text);
  } catch (error) {
    if (!(error instanceof DamagedVault)) throw error;
    // An inline vault starts on the line after its `!vault |`.
    const first = at.endLine !== undefined && at.endLine > at.line ? at.line + 1 : at.line;
    const place = { file: at.file, line: first + error.line - 1, column: error.line === 1 ? at.column : 1 };
    if (error.isTruncated) {
      throw inputError("vault-truncated", `${what} is vaulted, and its end is missing: ${error.message}`, {
        at: place,
        hint: "take it from a backup or from version control; was it cut off when it was copied?",
      });
    }
    throw inputError("vault-damaged", `${what} is a damaged vault: ${error.message}`, {
      at: place,
      hint: "take it from a backup or from version control",
    });
  }
}
