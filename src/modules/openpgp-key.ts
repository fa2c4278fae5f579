import { createHash } from "node:crypto";

/** Public keys for apt: their packets, and the fingerprints of all of them. */
export interface OpenpgpKeys {
  bytes: Buffer;
  /** Upper-case hexadecimal, of primary keys and subkeys. */
  fingerprints: string[];
}

/** What is wrong with something that should be a public key. */
export class NoPublicKey extends Error {
  override readonly name = "NoPublicKey";
}

/**
 * Reads OpenPGP public keys (RFC 4880 and 9580), binary or armoured, one or several behind each other.
 *
 * @throws NoPublicKey
 */
export function readPublicKeys(content: Buffer): OpenpgpKeys {
  const text = content.toString("latin1");
  const bytes = text.includes("-----BEGIN PGP") ? dearmoured(text) : content;
  const fingerprints: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const { tag, start, end } = packetAt(bytes, offset);
    if (tag === SECRET_KEY || tag === SECRET_SUBKEY)
      throw new NoPublicKey("it is a private key, which must never be on a host that only checks signatures");
    if (tag === PUBLIC_KEY || tag === PUBLIC_SUBKEY)
      fingerprints.push(fingerprintOf(bytes.subarray(start, end)));
    offset = end;
  }
  if (fingerprints.length === 0) throw new NoPublicKey("there is no public key in it");
  return { bytes, fingerprints };
}

/** The keys as text, as apt takes them from files that end with .asc. */
export function armoured({ bytes }: OpenpgpKeys): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  const sum = Buffer.from([crc24(bytes) >> 16, crc24(bytes) >> 8, crc24(bytes)].map((byte) => byte & 0xff));
  return [
    "-----BEGIN PGP PUBLIC KEY BLOCK-----",
    "",
    ...lines,
    `=${sum.toString("base64")}`,
    "-----END PGP PUBLIC KEY BLOCK-----",
    "",
  ].join("\n");
}

const SECRET_KEY = 5;
const PUBLIC_KEY = 6;
const SECRET_SUBKEY = 7;
const PUBLIC_SUBKEY = 14;

function dearmoured(text: string): Buffer {
  const blocks = [...text.matchAll(/-----BEGIN PGP ([A-Z ]+)-----\r?\n([\s\S]*?)-----END PGP \1-----/g)];
  if (blocks.length === 0) throw new NoPublicKey("its end is missing");
  return Buffer.concat(
    blocks.map(([, kind, body = ""]) => {
      if (kind !== "PUBLIC KEY BLOCK") throw new NoPublicKey(`it is a ${(kind ?? "").toLowerCase()}`);
      const lines = body.split(/\r?\n/);
      const blank = lines.findIndex((line) => line.trim() === "");
      const data = lines.slice(blank + 1).filter((line) => line.trim() !== "");
      const sum = data.at(-1)?.startsWith("=") === true ? data.pop()?.slice(1) : undefined;
      const bytes = Buffer.from(data.join(""), "base64");
      if (sum !== undefined && Buffer.from(sum, "base64").readUIntBE(0, 3) !== crc24(bytes))
        throw new NoPublicKey("it is damaged: its checksum does not fit");
      return bytes;
    }),
  );
}

/** Headers of the old and the new form (RFC 9580, 4.2). */
function packetAt(bytes: Buffer, offset: number): { tag: number; start: number; end: number } {
  const at = (index: number): number => {
    const byte = bytes[offset + index];
    if (byte === undefined) throw new NoPublicKey("it ends in the middle of a packet");
    return byte;
  };
  const big = (index: number, count: number): number => {
    let value = 0;
    for (let byte = 0; byte < count; byte++) value = value * 256 + at(index + byte);
    return value;
  };
  const head = at(0);
  if ((head & 0x80) === 0) throw new NoPublicKey("it is neither armoured nor binary OpenPGP");
  let [tag, size, length] = [head & 0x3f, 0, 0];
  if ((head & 0x40) !== 0) {
    const first = at(1);
    if (first < 192) [size, length] = [2, first];
    else if (first < 224) [size, length] = [3, (first - 192) * 256 + at(2) + 192];
    else if (first === 255) [size, length] = [6, big(2, 4)];
    else throw new NoPublicKey("a packet of it comes in parts, which keys never do");
  } else {
    tag >>= 2;
    const octets = [1, 2, 4][head & 3];
    if (octets === undefined) throw new NoPublicKey("a packet of it has no length");
    [size, length] = [1 + octets, big(1, octets)];
  }
  const start = offset + size;
  if (start + length > bytes.length) throw new NoPublicKey("it ends in the middle of a packet");
  return { tag, start, end: start + length };
}

/** Version 4: SHA-1; version 6: SHA-256 (RFC 9580, 5.5.4). */
function fingerprintOf(body: Buffer): string {
  const isV4 = (body[0] ?? 0) <= 4;
  const head = Buffer.alloc(isV4 ? 3 : 5);
  head[0] = isV4 ? 0x99 : 0x9b;
  head.writeUIntBE(body.length, 1, isV4 ? 2 : 4);
  return createHash(isV4 ? "sha1" : "sha256")
    .update(head)
    .update(body)
    .digest("hex")
    .toUpperCase();
}

/** The checksum of armour (RFC 4880, 6.1). */
function crc24(bytes: Buffer): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}
