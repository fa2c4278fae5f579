import type { Task } from "./playbook.ts";

/** `--tags` and `--skip-tags`. */
export interface TagSelection {
  tags: readonly string[];
  skipTags: readonly string[];
}

/**
 * Whether a task takes part (Ansible, "Tags"): `always` does unless it is skipped, `never` does not unless it is asked for; `tagged`, `untagged` and `all`
 * stand for what they say.
 */
export function selectsTask(task: Pick<Task, "keywords">, { tags, skipTags }: TagSelection): boolean {
  const mine = task.keywords.tags;
  const has = (wanted: string): boolean =>
    mine.includes(wanted) ||
    (wanted === "tagged" && mine.some((tag) => tag !== "always" && tag !== "never")) ||
    (wanted === "untagged" && mine.length === 0);
  if (skipTags.some((tag) => has(tag) || (tag === "all" && !mine.includes("always")))) return false;
  if (tags.some((tag) => tag !== "all" && has(tag))) return true;
  if (mine.includes("never")) return false;
  return mine.includes("always") || tags.length === 0 || tags.includes("all");
}
