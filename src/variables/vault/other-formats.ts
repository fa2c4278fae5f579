import { inputError } from "../../diagnostics/diagnostic.ts";

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

/** A value as SOPS writes it, behind a name or a dash. */
const SOPS_VALUE = /^[^#\n]*[:-] *["']?ENC\[AES256_GCM,data:[^,\n]*,iv:/m;

/**
 * Refuses what SOPS has encrypted and what has lost its end, where the keys and the check sum stand: what is left is YAML all the same, and the encrypted
 * texts would be taken for the values.
 *
 * @throws DiagnosticsError vault-truncated
 */
export function refuseCutOffSops(bytes: Buffer, file: string): void {
  if (!bytes.includes("ENC[AES256_GCM,") || isSopsFile(bytes)) return;
  const text = bytes.toString("latin1");
  const found = SOPS_VALUE.exec(text);
  if (found === null || /["' ]mac["']?\s*:\s*["']?ENC\[/.test(text)) return;
  const line = text.slice(0, found.index).split("\n").length;
  throw inputError("vault-truncated", `${file} is encrypted by SOPS, and its end is missing`, {
    at: { file, line, column: 1 },
    expected: "the mapping `sops`, with the keys and the check sum `mac`, behind the values",
    hint: "take it from a backup or from version control; was it cut off when it was copied?",
  });
}
