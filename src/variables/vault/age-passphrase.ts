import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { type Identity, type Recipient, Stanza } from "age-encryption";

/**
 * A passphrase of age (C2SP age.md 1.0, "The scrypt recipient type"), with Node.js's scrypt: the library's own is JavaScript, and takes four times as long for what is
 * made to take a second.
 */

const LABEL = "age-encryption.org/v1/scrypt";

/** As `age -p` has it: 2 to the 18th rounds. */
const WORK_FACTOR = 18;

/** Who made the file must not choose how long it takes, nor how much memory: this takes 1 GB. */
const LARGEST_WORK_FACTOR = 20;

const SALT_BYTES = 16;
const TAG_BYTES = 16;

/** For an `Encrypter` that has no other recipient. */
export function passphraseRecipient(passphrase: string): Recipient {
  return {
    async wrapFileKey(fileKey) {
      const salt = randomBytes(SALT_BYTES);
      const cipher = createCipheriv(...(await cipherOf(passphrase, salt, WORK_FACTOR)));
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
      const shownSalt = salt.toString("base64").replace(/=+$/, "");
      return [new Stanza(["scrypt", shownSalt, String(WORK_FACTOR)], new Uint8Array(body))];
    },
  };
}

/** For a `Decrypter`. */
export function passphraseIdentity(passphrase: string): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const stanza = stanzas.find(({ args }) => args[0] === "scrypt");
      if (stanza === undefined) return null;
      if (stanzas.length !== 1) throw new Error("a passphrase is not the only recipient");
      const [, shownSalt = "", factor = ""] = stanza.args;
      const salt = Buffer.from(shownSalt, "base64");
      const isWhole = salt.length === SALT_BYTES && /^[1-9]\d?$/.test(factor) && stanza.args.length === 3;
      if (!isWhole || stanza.body.length <= TAG_BYTES) throw new Error("invalid scrypt stanza");
      if (Number(factor) > LARGEST_WORK_FACTOR) throw new Error("scrypt work factor is too high");
      const decipher = createDecipheriv(...(await cipherOf(passphrase, salt, Number(factor))));
      decipher.setAuthTag(stanza.body.subarray(-TAG_BYTES));
      const key = decipher.update(stanza.body.subarray(0, -TAG_BYTES));
      try {
        decipher.final();
      } catch {
        return null;
      }
      return new Uint8Array(key);
    },
  };
}

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

async function cipherOf(passphrase: string, salt: Buffer, factor: number) {
  const [N, r, p] = [2 ** factor, 8, 1];
  const given = { N, r, p, maxmem: 129 * N * r };
  const key = await derive(passphrase, Buffer.concat([Buffer.from(LABEL), salt]), 32, given);
  return ["chacha20-poly1305", key, Buffer.alloc(12), { authTagLength: TAG_BYTES }] as const;
}
