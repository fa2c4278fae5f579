import { createPublicKey } from "node:crypto";
import { rawShell } from "../shell/shell-text.ts";

/**
 * A key on the curve P-256 as `openssl genpkey` writes it (PKCS #8, RFC 5958, with an ECPrivateKey of RFC 5915 inside): 138 bytes, of which the first 36 are the same in
 * all, the next 32 the secret, and the last 66 the public point with a zero before it. In base64 that zero begins a group of four letters, so that shells can cut there.
 */
const BEFORE_SECRET = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
/** Letters with the secret and the first byte behind it. */
const SECRET_LETTERS = 44;
const BEFORE_POINT = "RANC";
/** A zero, and the 4 of a point that is not compressed. */
const POINT_BEGINS = "AA[QRST]";
const ALL_LETTERS = 184;

/**
 * Defines `print_public_point FILE`: prints the public half of a key as Plumb makes them, and fails for any other. It costs no process, and a process of openssl
 * costs a host more than all else that is asked about a certificate.
 */
export const PRINT_PUBLIC_POINT = rawShell(`print_public_point() {
  first= key= line=
  { IFS= read -r first; while IFS= read -r line; do case $line in -*) break ;; esac; key=$key$line; done; } < "$1" || return 1
  [ "$first" = '-----BEGIN PRIVATE KEY-----' ] && [ "$line" = '-----END PRIVATE KEY-----' ] && [ \${#key} = ${ALL_LETTERS} ] || return 1
  case $key in
    *[!A-Za-z0-9+/=]*) return 1 ;;
    ${BEFORE_SECRET}${"?".repeat(SECRET_LETTERS)}${BEFORE_POINT}${POINT_BEGINS}*) echo "P \${key#${"?".repeat(BEFORE_SECRET.length + SECRET_LETTERS + BEFORE_POINT.length)}}" ;;
    *) return 1 ;;
  esac
}`);

/** What stands before the zero and the point in a SubjectPublicKeyInfo of P-256 (RFC 5480). */
const BEFORE_PUBLIC_POINT = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d0301070342", "hex");

/** The public key (PEM) in the answer of `print_public_point`; undefined: there is none, or it is no point of the curve. */
export function publicKeyOfPoint(answer: string): string | undefined {
  const point = /^P (\S+)$/m.exec(answer)?.[1];
  if (point === undefined) return undefined;
  const key = Buffer.concat([BEFORE_PUBLIC_POINT, Buffer.from(point, "base64")]);
  try {
    return createPublicKey({ key, format: "der", type: "spki" })
      .export({ format: "pem", type: "spki" })
      .toString()
      .trim();
  } catch {
    return undefined;
  }
}
