import type { PlayRun } from "../fleet/run-play.ts";
import { leavesOf } from "../playbook/leaves.ts";
import type { Include, Task } from "../playbook/playbook.ts";
import { namesOf } from "../playbook/start-at-task.ts";
import { selectsTask, type TagSelection } from "../playbook/tags.ts";
import { safeText } from "./safe-text.ts";

/** What `--list-hosts`, `--list-tasks` and `--list-tags` ask for. */
export interface Listed {
  hosts: boolean;
  tasks: boolean;
  tags: boolean;
}

/**
 * The plays of a playbook as `ansible-playbook --list-…` shows them. Besides, tasks of includes that are known, and those of `rescue` and `always`, are
 * in the list.
 *
 * @param file as it was given.
 */
export function playbookList(
  file: string,
  plays: readonly PlayRun[],
  listed: Listed,
  selection: TagSelection,
): string[] {
  return [
    "",
    `playbook: ${safeText(file)}`,
    ...plays.flatMap((play, index) => playLines(play, index, listed, selection)),
  ];
}

function playLines(
  { play, pattern, hosts }: PlayRun,
  index: number,
  listed: Listed,
  selection: TagSelection,
): string[] {
  const tasks = tasksOf(
    play.sections.flatMap(({ nodes }) => leavesOf(nodes)),
    selection,
  );
  const tags = new Set([...play.keywords.tags, ...tasks.flatMap(({ keywords }) => keywords.tags)]);
  return [
    "",
    `  play #${index + 1} (${safeText(pattern)}): ${safeText(play.name)}\tTAGS: [${sorted(play.keywords.tags).join(",")}]`,
    ...(listed.hosts
      ? [
          `    pattern: ['${safeText(pattern)}']`,
          `    hosts (${hosts.length}):`,
          ...hosts.map((host) => `      ${safeText(host)}`),
        ]
      : []),
    ...(listed.tasks ? ["    tasks:", ...tasks.map(taskLine)] : []),
    ...(listed.tags ? [`      TASK TAGS: [${sorted([...tags]).join(", ")}]`] : []),
  ];
}

/** A block in a loop is no task. */
function tasksOf(leaves: readonly (Task | Include)[], selection: TagSelection): Task[] {
  return leaves
    .map((leaf) => (leaf.kind === "include" ? leaf.task : leaf))
    .filter((task) => task.module !== "block" && selectsTask(task, selection));
}

function taskLine(task: Task): string {
  const [name = task.module] = namesOf(task);
  const shown = task.name === undefined ? task.module : name;
  return `      ${safeText(shown)}\tTAGS: [${sorted(task.keywords.tags).join(", ")}]`;
}

function sorted(tags: readonly string[]): string[] {
  return tags.map((tag) => safeText(tag)).sort();
}
