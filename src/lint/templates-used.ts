import { readFile } from "node:fs/promises";
import path from "node:path";
import { shownPath } from "../playbook/load-context.ts";
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
  const folders = [
    ...(task.role === undefined ? [] : [path.join(task.role.path, "templates"), task.role.path]),
    path.join(path.dirname(path.resolve(task.at.file)), "templates"),
    path.join(path.dirname(path.resolve(playbookFile)), "templates"),
    path.dirname(path.resolve(playbookFile)),
  ];
  for (const folder of folders) {
    const file = path.resolve(folder, written);
    if (isA("file", file)) return { file: shownPath(file), text: await readFile(file, "utf8") };
  }
  return undefined;
}
