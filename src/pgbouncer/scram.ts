import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

/** PostgreSQL's default (scram_iterations). */
const ITERATIONS = 4096;

/**
 * A SCRAM-SHA-256 verifier as PostgreSQL and PgBouncer keep it (RFC 5803, RFC 7677): `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 */
export function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(16),
  iterations = ITERATIONS,
): string {
  const salted = pbkdf2Sync(prepared(password), salt, iterations, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}

/** Whether a verifier is one for this password. */
export function matchesScram(verifier: string, password: string): boolean {
  const parts = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(
    verifier,
  );
  if (parts?.[1] === undefined || parts[2] === undefined) return false;
  const made = Buffer.from(scramVerifier(password, Buffer.from(parts[2], "base64"), Number(parts[1])));
  const given = Buffer.from(verifier);
  return made.byteLength === given.byteLength && timingSafeEqual(made, given);
}

/** Whether the text has the form of a verifier. */
export function isScramVerifier(text: string): boolean {
  return /^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$/.test(text);
}

/** PostgreSQL's md5 form: of password and name, so that it changes with the name. */
export function md5Secret(user: string, password: string): string {
  return `md5${createHash("md5")
    .update(password + user)
    .digest("hex")}`;
}

/** SASLprep (RFC 4013) as far as passwords need it: other blanks become blanks, then NFKC. */
function prepared(password: string): string {
  return password.replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ").normalize("NFKC");
}
