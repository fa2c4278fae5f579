import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { inputError } from "../diagnostics/diagnostic.ts";

/**
 * Asks for a password on the terminal, without showing it.
 *
 * @throws DiagnosticsError when there is no terminal.
 */
export function askPassword(
  prompt: string,
  instead = "set ansible_become_password for the hosts instead",
): Promise<string> {
  if (!process.stdin.isTTY) {
    throw inputError("invalid-option", "there is no terminal to ask for a password on", { hint: instead });
  }
  process.stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve) => {
    lines.question("", (answer) => {
      lines.close();
      process.stderr.write("\n");
      resolve(answer);
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
