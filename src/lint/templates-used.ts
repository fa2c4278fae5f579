import { readFile } from "node:fs/promises";
import path from "node:path";
import { shownPath } from "../playbook/load-context.ts";
import { placesToLook } from "../playbook/places-to-look.ts";
import type { Task } from "../playbook/playbook.ts";
import { isA } from "../playbook/role-files.ts";
import { literalOf } from "../variables/evaluate.ts";

/** The template file that a task renders, where its name is written out and it is there. */
export async function templateOf(
  task: Task,
  playbookFile: string,
): Promise<{ file: string; text: string } | undefined> {
  if (task.module !== "template") return undefined;
  const source = task.parameters.find(({ key }) => key === "src")?.value;
  const written = source === undefined ? undefined : literalOf(source);
  if (typeof written !== "string") return undefined;
  for (const place of placesToLook(written, "templates", task, path.dirname(playbookFile))) {
    const file = path.resolve(place);
    if (isA("file", file)) return { file: shownPath(file), text: await readFile(file, "utf8") };
  }
  return undefined;
}
