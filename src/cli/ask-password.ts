import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { inputError } from "../diagnostics/diagnostic.ts";

/**
 * Asks for a password on the terminal, without showing it.
 *
 * @param instead what to do where there is no terminal.
 * @throws DiagnosticsError when there is no terminal, or nothing was typed (Ctrl-C, Ctrl-D).
 */
export function askPassword(prompt: string, instead: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw inputError("invalid-option", "there is no terminal to ask for a password on", { hint: instead });
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  // Not before: whoever types fast would see the beginning.
  process.stderr.write(prompt);
  return new Promise((resolve, reject) => {
    // Ctrl-C and Ctrl-D close it too; after an answer this comes too late to count.
    lines.on("close", () => {
      process.stderr.write("\n");
      reject(inputError("invalid-option", "no password was given"));
    });
    lines.question("", (answer) => {
      resolve(answer);
      lines.close();
    });
  });
}

/** Asks for the password of vaults with this label; for a new one twice. @throws DiagnosticsError */
export async function askVaultPassword(id: string, kind: "known" | "new"): Promise<string> {
  const what = `${kind === "new" ? "New vault password" : "Vault password"}${id === "default" ? "" : ` (${id})`}`;
  const instead = "give --vault-password-file FILE or --vault-id LABEL@FILE instead";
  const password = await askPassword(`${what}: `, instead);
  if (kind === "new" && (await askPassword(`${what}, once more: `, instead)) !== password)
    throw inputError("vault-password-source", "the two passwords are not the same");
  return password;
}
