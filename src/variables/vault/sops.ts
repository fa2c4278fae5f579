import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { DiagnosticsError, inputError } from "../../diagnostics/diagnostic.ts";
import { decryptAge, type Identities } from "./age.ts";
import { plainText, readSopsFile } from "./sops-file.ts";

const LONGEST_MS = 60_000;
const LARGEST_BYTES = 64 * 1024 * 1024;

/**
 * What is in a file that SOPS has encrypted. For a recipient of age it is opened here; what only a cloud's key service or PGP can open, by the program `sops`,
 * whose answer comes through a pipe and is written nowhere.
 *
 * @throws DiagnosticsError vault-no-password, vault-wrong-password, vault-damaged, vault-key, vault-tool-missing
 */
export async function decryptSops(bytes: Buffer, file: string, given: Identities): Promise<Buffer> {
  const sops = readSopsFile(bytes.toString(), file);
  const identities = await withSopsKeys(given);
  if (sops === undefined || (identities.files.length === 0 && sops.hasOtherKeys))
    return bySops(bytes, file, given);
  if (identities.files.length === 0) {
    throw inputError("vault-no-password", `${file} is encrypted by SOPS for age, and no identity was given`, {
      at: { file, line: 1, column: 1 },
      hint: "give --age-identity FILE, or set SOPS_AGE_KEY_FILE",
    });
  }
  const key = await dataKey(sops.dataKeys, file, identities);
  if (key !== undefined) return plainText(sops, key, file);
  if (sops.hasOtherKeys) return bySops(bytes, file, given);
  throw inputError("vault-wrong-password", `${file} is encrypted by SOPS for somebody else`, {
    at: { file, line: 1, column: 1 },
    hint: `tried the identities in ${identities.files.join(", ")}`,
  });
}

/** Where SOPS itself looks when nobody says where. */
async function withSopsKeys(given: Identities): Promise<Identities> {
  if (given.files.length > 0) return given;
  const folder = process.env["XDG_CONFIG_HOME"] || path.join(homedir(), ".config");
  const usual = path.join(folder, "sops/age/keys.txt");
  const isThere = await access(usual).then(
    () => true,
    () => false,
  );
  return isThere ? { ...given, files: [usual] } : given;
}

async function dataKey(
  dataKeys: readonly string[],
  file: string,
  identities: Identities,
): Promise<Buffer | undefined> {
  for (const one of dataKeys) {
    const key = await decryptAge(Buffer.from(one), file, identities).catch((error: unknown) => {
      if (error instanceof DiagnosticsError && error.diagnostics[0]?.code === "vault-wrong-password")
        return undefined;
      throw error;
    });
    if (key !== undefined) return key;
  }
  return undefined;
}

async function bySops(bytes: Buffer, file: string, { files }: Identities): Promise<Buffer> {
  const at = { file, line: 1, column: 1 };
  const type = /^\s*\{/.test(bytes.subarray(0, 64).toString()) ? "json" : "yaml";
  const [identity] = files;
  const environment = identity === undefined ? process.env : { ...process.env, SOPS_AGE_KEY_FILE: identity };
  const { code, stdout, stderr } = await runSops(
    ["--decrypt", "--input-type", type, "--output-type", type, file],
    environment,
  );
  if (code === 0) return stdout;
  if (code === "ENOENT") {
    throw inputError("vault-tool-missing", `${file} is encrypted by SOPS, and there is no program \`sops\``, {
      at,
      hint: "install sops and put it on the PATH, or decrypt the file and vault it with `plumb vault encrypt`",
    });
  }
  throw inputError("vault-wrong-password", `sops could not decrypt ${file} (${code}): ${stderr.trim()}`, {
    at,
    hint: `try it by hand: sops --decrypt ${file}`,
  });
}

function runSops(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | string; stdout: Buffer; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env, timeout: LONGEST_MS, maxBuffer: LARGEST_BYTES, encoding: "buffer" as const };
    execFile("sops", args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : (error.code ?? "ended by a signal");
      resolve({ code, stdout, stderr: stderr.toString() });
    });
  });
}
