const AGE_BINARY = "age-encryption.org/v1\n";
export const AGE_ARMOUR = "-----BEGIN AGE ENCRYPTED FILE-----";

/** Whether a file is encrypted by age (the age format, version 1: binary, or armoured). */
export function isAgeFile(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, AGE_ARMOUR.length)).toString("latin1");
  return start.startsWith(AGE_BINARY) || start.startsWith(AGE_ARMOUR);
}

/** Whether a YAML or JSON file is encrypted by SOPS: it ends with a mapping `sops`, which holds an encrypted check sum. */
export function isSopsFile(bytes: Buffer): boolean {
  if (!bytes.includes("ENC[") || !bytes.includes("sops")) return false;
  const text = bytes.toString("latin1");
  return /^sops:\s*$/m.test(text)
    ? /^\s+mac:\s*["']?ENC\[/m.test(text)
    : /"sops"\s*:\s*\{/.test(text) && /"mac"\s*:\s*"ENC\[/.test(text);
}
