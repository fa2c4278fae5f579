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
  let isAnswered = true;
  const wants = async (task: Task): Promise<boolean> => {
    if (!isAsking) return true;
    for (;;) {
      if (isAnswered)
        process.stderr.write(`Run ${safeText(namesOf(task)[0] ?? task.module)}? (n)o, (y)es, (c)ontinue: `);
      const answer = isAnswered ? await typed.next() : undefined;
      if (answer === undefined && isAnswered) {
        isAnswered = false;
        process.stderr.write("\nNobody answers: nothing more is run.\n");
      }
      const word = (answer ?? "n").trim().toLowerCase();
      if (word === "c" || word === "continue") isAsking = false;
      if (!isAsking || word === "y" || word === "yes") return true;
      if (word === "n" || word === "no" || word === "") return false;
    }
  };
  return (task) => typed.inTurn(() => wants(task));
}
