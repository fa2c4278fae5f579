import { type Diagnostic, DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { leavesOf } from "./leaves.ts";
import type { Include, Playbook, Task } from "./playbook.ts";

/** `--tags` and `--skip-tags`. */
export interface TagSelection {
  tags: readonly string[];
  skipTags: readonly string[];
}

/** Words that stand for what they say, and need not be written on any task. */
const SPECIAL = ["all", "always", "never", "tagged", "untagged"];

/**
 * Whether a task takes part (Ansible 2.19, Taggable.evaluate_tags): `always` does unless it is skipped, `never` does not unless one of its tags is
 * asked for; `tagged`, `untagged` and `all` stand for what they say.
 */
export function selectsTask(
  task: { keywords: Pick<Task["keywords"], "tags"> },
  selection: TagSelection,
): boolean {
  const { tags } = task.keywords;
  const own = new Set(tags.length === 0 ? ["untagged"] : tags);
  return isAskedFor(own, selection.tags) && !isSkipped(own, selection.skipTags);
}

function isAskedFor(own: ReadonlySet<string>, asked: readonly string[]): boolean {
  if (own.has("always") || asked.some((tag) => own.has(tag))) return true;
  if (own.has("never")) return false;
  if (asked.length === 0 || asked.includes("all")) return true;
  return asked.includes("tagged") && !own.has("untagged");
}

function isSkipped(own: ReadonlySet<string>, skipped: readonly string[]): boolean {
  if (skipped.includes("all")) return !own.has("always") || skipped.includes("always");
  if (skipped.some((tag) => own.has(tag))) return true;
  return skipped.includes("tagged") && !own.has("untagged");
}

/** Every tag that stands on a task, block, role or include of the playbooks, sorted. */
export function tagsOf(playbooks: readonly Playbook[]): string[] {
  const plays = playbooks.flatMap((playbook) => playbook.plays);
  const tasks = allLeaves(playbooks).map((node) => (node.kind === "include" ? node.task : node));
  return [...new Set([...plays, ...tasks].flatMap(({ keywords }) => keywords.tags))].sort();
}

/**
 * Refuses tags that stand nowhere: with `--tags` a misspelt one would do nothing, with `--skip-tags` too much. Where only a host tells what is
 * included, its tags can't be known, and any name is taken.
 *
 * @throws DiagnosticsError unknown-tag
 */
export function requireKnownTags(playbooks: readonly Playbook[], { tags, skipTags }: TagSelection): void {
  const isOpen = allLeaves(playbooks).some((leaf) => leaf.kind === "include" && leaf.inside === undefined);
  if (isOpen) return;
  const known = tagsOf(playbooks);
  const problems: Diagnostic[] = [];
  for (const [option, words] of [
    ["--tags", tags],
    ["--skip-tags", skipTags],
  ] as const) {
    for (const word of words.filter((one) => !known.includes(one) && !SPECIAL.includes(one))) {
      const meant = didYouMean(word, [...known, ...SPECIAL]);
      problems.push({
        severity: "error",
        code: "unknown-tag",
        message: `${option} ${word}: nothing has this tag`,
        expected: known.length === 0 ? "nothing here has a tag" : known.join(", "),
        ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
      });
    }
  }
  if (problems.length > 0) throw new DiagnosticsError(problems);
}

function allLeaves(playbooks: readonly Playbook[]): (Task | Include)[] {
  const plays = playbooks.flatMap((playbook) => playbook.plays);
  return plays.flatMap(({ sections, handlers }) =>
    leavesOf([...sections.flatMap(({ nodes }) => nodes), ...handlers]),
  );
}
