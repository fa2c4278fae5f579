import { Interrupted } from "../converge/interrupted.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import { ModuleFailure } from "../modules/module.ts";
import type { Question } from "../modules/step.ts";
import { safeText } from "../views/safe-text.ts";
import type { TypedLines } from "./typed-lines.ts";

/**
 * Asks the person at the terminal what `pause` has to ask. What is not shown while it is typed is a secret.
 *
 * @returns undefined where there is no terminal.
 */
export function askPause(
  typed: TypedLines,
  stopping: AbortSignal,
  secrets: Secrets,
  beforeFirst: () => Promise<void>,
): ((question: Question, signal: AbortSignal) => Promise<string>) | undefined {
  if (process.stdin.isTTY !== true) return undefined;
  let ready: Promise<void> | undefined;
  return async ({ text, echo }, signal) => {
    ready ??= beforeFirst();
    await ready;
    const prompt = `${safeText(text, { newlines: true })}: `;
    const answer = await typed.ask({ prompt, echo, signal });
    if (stopping.aborted) throw new Interrupted();
    // The time was over; others may wait for the same answer.
    if (signal.aborted) {
      process.stderr.write("\n");
      return answer ?? "";
    }
    if (answer === undefined)
      throw new ModuleFailure("nobody answered", { hint: "the terminal's input has ended" });
    if (!echo && answer !== "") secrets.add(answer);
    return answer;
  };
}
