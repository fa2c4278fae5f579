import { execFile } from "node:child_process";
import { inputError } from "../../diagnostics/diagnostic.ts";

const LONGEST_MS = 60_000;
const LARGEST_BYTES = 64 * 1024 * 1024;

/**
 * What is in a file that SOPS has encrypted, by the program `sops`: it knows where the keys are (age, cloud services, PGP). The content comes through a
 * pipe and is written nowhere.
 *
 * @param identityFiles identities of age, for files that are encrypted for one.
 * @throws DiagnosticsError vault-tool-missing, vault-wrong-password
 */
export async function decryptSops(
  bytes: Buffer,
  file: string,
  identityFiles: readonly string[],
): Promise<Buffer> {
  const at = { file, line: 1, column: 1 };
  const type = /^\s*\{/.test(bytes.subarray(0, 64).toString()) ? "json" : "yaml";
  const [identity] = identityFiles;
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
