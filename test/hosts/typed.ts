import { spawn } from "node:child_process";

/**
 * Types on a pseudo-terminal, which script(1) makes; each word when something is asked. A word is sent with Enter, a control character as it is.
 *
 * @returns what was on the screen, and the exit status.
 */
export function typed(
  command: string,
  words: readonly string[],
): Promise<{ said: string; code: number | null }> {
  const child = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [...words];
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    const word = /: $/.test(chunk.toString()) ? waiting.shift() : undefined;
    if (word !== undefined) child.stdin.write(/^[\u0000-\u001f]$/.test(word) ? word : `${word}\n`);
  });
  return new Promise((resolve) =>
    child.on("close", (code) => resolve({ said: said.replaceAll("\r", ""), code })),
  );
}
