import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { inputError } from "../diagnostics/diagnostic.ts";

/**
 * Asks for a password on the terminal, without showing it.
 *
 * @throws DiagnosticsError when there is no terminal.
 */
export function askPassword(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw inputError("invalid-option", "there is no terminal to ask for a password on", {
      hint: "set ansible_become_password for the hosts instead",
    });
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
