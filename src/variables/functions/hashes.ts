import { createHash, getHashes } from "node:crypto";
import { md5Secret, scramVerifier } from "../../pgbouncer/scram.ts";
import type { Value } from "../value.ts";
import { given, type LibraryFunction, oneOf, text, whole } from "./library-function.ts";
import { shaCrypt } from "./sha-crypt.ts";

const hash = (algorithm: string, value: Value | undefined): string =>
  createHash(algorithm).update(text(algorithm, value)).digest("hex");

/** Ansible's namespace for names that have none of their own (its filter to_uuid). */
const UUID_NAMESPACE = Buffer.from("361E6D51FAEC444A9079341386DA8E2E", "hex");

/** A UUID of version 5 (RFC 9562, 5.5). */
function uuidOf(name: string, namespace: Buffer): string {
  const bytes = createHash("sha1").update(namespace).update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const SALT_NEEDED =
  'needs a salt, so that a second run gives the same hash: random_text(16, inventory_hostname + " alice") makes one that stays';

/** Functions that give what can't be turned back. */
export const hashFunctions: readonly LibraryFunction[] = [
  {
    name: "hash",
    parameters: ["text", "algorithm?"],
    summary:
      "The checksum of a text, hexadecimal: `sha1` unless another is named (`sha256`, `sha512`, `md5` …).",
    example: { expression: 'hash("a", "sha1")', value: "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" },
    call: ([value, algorithm]) => {
      const name = given(algorithm, (one) => text("hash", one), "sha1");
      if (!getHashes().includes(name)) throw new Error(`hash: there is no algorithm ${name}`);
      return hash(name, value);
    },
  },
  {
    name: "checksum",
    parameters: ["text"],
    aliases: ["sha1"],
    summary: "SHA-1, hexadecimal, as Ansible compares files by.",
    example: { expression: 'checksum("")', value: "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
    call: ([value]) => hash("sha1", value),
  },
  {
    name: "sha256",
    parameters: ["text"],
    summary: "SHA-256, hexadecimal.",
    example: {
      expression: 'sha256("")',
      value: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
    call: ([value]) => hash("sha256", value),
  },
  {
    name: "sha512",
    parameters: ["text"],
    summary: "SHA-512, hexadecimal.",
    example: { expression: 'length(sha512(""))', value: 128 },
    call: ([value]) => hash("sha512", value),
  },
  {
    name: "md5",
    parameters: ["text"],
    summary: "MD5, hexadecimal: for checksums that somebody else chose, never for passwords.",
    example: { expression: 'md5("")', value: "d41d8cd98f00b204e9800998ecf8427e" },
    call: ([value]) => hash("md5", value),
  },
  {
    name: "to_uuid",
    parameters: ["name", "namespace?"],
    summary: "A UUID that is the same for the same name.",
    example: { expression: 'to_uuid("web1")', value: "4ebc6093-8026-5090-bb95-a592e5a6aec3" },
    call: ([value, namespace]) => {
      const space = given(
        namespace,
        (one) => Buffer.from(text("to_uuid", one).replaceAll("-", ""), "hex"),
        UUID_NAMESPACE,
      );
      if (space.length !== 16) throw new Error("to_uuid: the namespace is not a UUID");
      return uuidOf(text("to_uuid", value), space);
    },
  },
  {
    name: "password_hash",
    parameters: ["password", "kind", "salt?", "rounds?"],
    summary:
      "A password's hash for /etc/shadow (`sha512`, or `sha256`), with a salt that you give: the same salt gives the same hash, so that a second run changes nothing.",
    example: {
      expression: 'password_hash("secret", "sha512", "saltsalt")',
      value:
        "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
    },
    call: ([password, kind, salt, rounds]) => {
      if (salt === undefined || salt === null) throw new Error(`password_hash: ${SALT_NEEDED}`);
      const seasoning = text("password_hash", salt);
      if (!/^[./0-9A-Za-z]{1,16}$/.test(seasoning))
        throw new Error("password_hash: a salt has 1 to 16 characters of ./0-9A-Za-z");
      return shaCrypt(text("password_hash", password), {
        kind: given(
          kind,
          (one) => oneOf("password_hash", text("password_hash", one), ["sha512", "sha256"]),
          "sha512",
        ),
        salt: seasoning,
        rounds: given(rounds, (one) => whole("password_hash", one, 1_000, 999_999_999), undefined),
      });
    },
  },
  {
    name: "scram_sha_256",
    parameters: ["password", "salt", "iterations?"],
    summary:
      "A SCRAM-SHA-256 verifier as PostgreSQL and PgBouncer keep it (4096 iterations), with a salt that you give.",
    example: {
      expression: 'slice(scram_sha_256("secret", "0123456789abcdef"), 0, 18)',
      value: "SCRAM-SHA-256$4096",
    },
    call: ([password, salt, iterations]) => {
      const seasoning = Buffer.from(text("scram_sha_256", salt));
      if (seasoning.length < 8) throw new Error("scram_sha_256: a salt has at least 8 characters");
      const count = given(iterations, (one) => whole("scram_sha_256", one, 1, 10_000_000), 4096);
      return scramVerifier(text("scram_sha_256", password), seasoning, count);
    },
  },
  {
    name: "postgresql_md5",
    parameters: ["password", "user"],
    summary: "PostgreSQL's older form of a password, `md5…`.",
    example: { expression: 'slice(postgresql_md5("secret", "app"), 0, 3)', value: "md5" },
    call: ([password, user]) => md5Secret(text("postgresql_md5", user), text("postgresql_md5", password)),
  },
];
