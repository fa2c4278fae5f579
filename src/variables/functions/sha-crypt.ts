import { createHash } from "node:crypto";

const LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Rounds of a hash that says nothing of them. */
const DEFAULT_ROUNDS = 5_000;

export interface CryptOptions {
  kind: "sha256" | "sha512";
  /** At most 16 characters of `./0-9A-Za-z`. */
  salt: string;
  rounds?: number | undefined;
}

/**
 * A password's hash as /etc/shadow has it: `$5$…` and `$6$…` of crypt(5). After Ulrich Drepper's description, "Unix crypt using SHA-256 and SHA-512",
 * whose steps the numbers name.
 */
export function shaCrypt(password: string, { kind, salt, rounds }: CryptOptions): string {
  const digest = (...parts: readonly Uint8Array[]): Buffer => {
    const hash = createHash(kind);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const key = Buffer.from(password);
  const seasoning = Buffer.from(salt);
  const size = kind === "sha256" ? 32 : 64;
  // 4-8
  const b = digest(key, seasoning, key);
  // 1-3, 9-12
  const parts: Uint8Array[] = [key, seasoning, repeated(b, key.length)];
  for (let length = key.length; length > 0; length >>= 1) parts.push(length % 2 === 1 ? b : key);
  let a = digest(...parts);
  // 13-16
  const p = repeated(digest(...Array.from({ length: key.length }, () => key)), key.length);
  // 17-20
  const s = repeated(digest(...Array.from({ length: 16 + (a[0] ?? 0) }, () => seasoning)), seasoning.length);
  // 21
  for (let round = 0; round < (rounds ?? DEFAULT_ROUNDS); round++) {
    const isOdd = round % 2 === 1;
    a = digest(
      isOdd ? p : a,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      isOdd ? a : p,
    );
  }
  const settings = rounds === undefined ? "" : `rounds=${rounds}$`;
  return `$${kind === "sha256" ? "5" : "6"}$${settings}${salt}$${written(a, size)}`;
}

function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(length / bytes.length) || 0 }, () => bytes)).subarray(
    0,
    length,
  );
}

/** 22: three bytes become four letters, in an order that turns with every group. */
function written(bytes: Buffer, size: number): string {
  const third = Math.floor(size / 3);
  let text = "";
  for (let group = 0; group < third; group++) {
    const three = [group, group + third, group + 2 * third];
    const turns = size === 64 ? group % 3 : (3 - (group % 3)) % 3;
    text += letters(
      [...three.slice(turns), ...three.slice(0, turns)].map((index) => bytes[index] ?? 0),
      4,
    );
  }
  return (
    text +
    (size === 64 ? letters([0, 0, bytes[63] ?? 0], 2) : letters([0, bytes[31] ?? 0, bytes[30] ?? 0], 3))
  );
}

function letters([high = 0, middle = 0, low = 0]: readonly number[], count: number): string {
  let value = (high << 16) | (middle << 8) | low;
  let text = "";
  for (let index = 0; index < count; index++) {
    text += LETTERS[value & 63] ?? "";
    value >>= 6;
  }
  return text;
}
