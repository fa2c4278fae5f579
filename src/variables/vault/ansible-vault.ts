import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  pbkdf2Sync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { type Envelope, sealEnvelope } from "./envelope.ts";

/** Ansible's parameters: PBKDF2 with HMAC-SHA256, 10,000 rounds, gives a key for AES-256-CTR, one for the HMAC, and the first counter. */
const ROUNDS = 10_000;
const KEY_BYTES = 32;
const COUNTER_BYTES = 16;
const SALT_BYTES = 32;
const BLOCK_BYTES = 16;

interface Keys {
  cipher: Buffer;
  hmac: Buffer;
  counter: Buffer;
}

function keysOf(password: string, salt: Buffer): Keys {
  const derived = pbkdf2Sync(password, salt, ROUNDS, 2 * KEY_BYTES + COUNTER_BYTES, "sha256");
  return {
    cipher: derived.subarray(0, KEY_BYTES),
    hmac: derived.subarray(KEY_BYTES, 2 * KEY_BYTES),
    counter: derived.subarray(2 * KEY_BYTES),
  };
}

/** The vaulted text of a content. @param id label of the password: with one the format is 1.2, without or for `default` it is 1.1. */
export function encrypt(content: Uint8Array, password: string, id?: string): string {
  const salt = randomBytes(SALT_BYTES);
  const keys = keysOf(password, salt);
  // PKCS #7, because Ansible takes it away after decrypting, though a stream cipher needs none.
  const padding = BLOCK_BYTES - (content.length % BLOCK_BYTES);
  const padded = Buffer.concat([content, Buffer.alloc(padding, padding)]);
  const ciphertext = createCipheriv("aes-256-ctr", keys.cipher, keys.counter).update(padded);
  const hmac = createHmac("sha256", keys.hmac).update(ciphertext).digest();
  return sealEnvelope({ id: id === "default" ? undefined : id, salt, hmac, ciphertext });
}

/** The content; undefined when the password is not the one it was encrypted with, or the content was changed: the two can't be told apart. */
export function decrypt({ salt, hmac, ciphertext }: Envelope, password: string): Buffer | undefined {
  const keys = keysOf(password, salt);
  const wanted = createHmac("sha256", keys.hmac).update(ciphertext).digest();
  if (!timingSafeEqual(wanted, hmac)) return undefined;
  const padded = createDecipheriv("aes-256-ctr", keys.cipher, keys.counter).update(ciphertext);
  return padded.subarray(0, padded.length - (padded.at(-1) ?? 0));
}
