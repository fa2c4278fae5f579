import type { Task } from "../playbook/playbook.ts";
import { namesOf } from "../playbook/start-at-task.ts";
import { safeText } from "../views/safe-text.ts";
import type { TypedLines } from "./typed-lines.ts";

/**
 * `--step`: asks before each task, one question at a time; `c` runs all the rest without asking. Where nobody answers any more, nothing more is run: so too after
 * Ctrl-C.
 *
 * @returns whether a task is to run.
 */
export function askStep(typed: TypedLines): (task: Task) => Promise<boolean> {
  let isAsking = true;
  const wants = async (task: Task): Promise<boolean> => {
    if (!isAsking) return true;
    process.stderr.write(`Run ${safeText(namesOf(task)[0] ?? task.module)}? (n)o, (y)es, (c)ontinue: `);
    const answer = ((await typed.next()) ?? "n").trim().toLowerCase();
    if (answer === "c" || answer === "continue") isAsking = false;
    return !isAsking || answer === "y" || answer === "yes";
  };
  return (task) => typed.inTurn(() => wants(task));
}
