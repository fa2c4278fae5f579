import path from "node:path";
import type { Task } from "./playbook.ts";

/**
 * Where a file that a task names may stand, in the order in which it is looked for: the role's folder, the role itself, then the same beside the task's file and beside the playbook. It is Ansible's search;
 * behind it stand the folders beside a folder of playbooks, where roles are looked for too.
 *
 * @param wanted as it is written; an absolute path stands where it says.
 */
export function placesToLook(
  wanted: string,
  folder: "files" | "templates" | "vars",
  task: Pick<Task, "role" | "at">,
  playbookFolder: string,
): string[] {
  if (path.isAbsolute(wanted)) return [wanted];
  const places = [task.role?.path, path.dirname(task.at.file), playbookFolder].filter(
    (place) => place !== undefined,
  );
  return [
    ...new Set([
      ...places.flatMap((place) => [path.join(place, folder, wanted), path.join(place, wanted)]),
      path.join(playbookFolder, "..", folder, wanted),
    ]),
  ];
}
