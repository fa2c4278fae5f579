import { spawn } from "node:child_process";

/** A question at the start of a line; what others say may come right behind it. */
const ASKED = /(?:^|[\r\n])[^{\r\n]*: (?=$|\{)/;

/**
 * Types on a pseudo-terminal, which script(1) makes; each word when something is asked. A word is sent with Enter, a control character as it is.
 *
 * @param later what is typed when it is there, whether or not somebody asks.
 * @returns what was on the screen, and the exit status.
 */
export function typed(
  command: string,
  words: readonly string[],
  later?: Promise<string>,
): Promise<{ said: string; code: number | null }> {
  const child = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [...words];
  let said = "";
  let unread = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    unread += chunk.toString();
    const asked = ASKED.exec(unread);
    if (asked === null) return;
    unread = unread.slice(asked.index + asked[0].length);
    const word = waiting.shift();
    if (word !== undefined) child.stdin.write(/^[\u0000-\u001f]$/.test(word) ? word : `${word}\n`);
  });
  void later?.then((text) => child.stdin.write(text));
  return new Promise((resolve) =>
    child.on("close", (code) => resolve({ said: said.replaceAll("\r", ""), code })),
  );
}
