import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { globPattern } from "./glob-pattern.ts";
import { leavesOf } from "./leaves.ts";
import type { Include, Playbook, Task } from "./playbook.ts";
import { present } from "./present.ts";

type Leaf = Task | Include;

/**
 * The tasks before the first one whose name (or `role : name`, or without a name its module) matches: `--start-at-task` leaves them out. Handlers are
 * none of them.
 *
 * @param wanted a name; `*`, `?` and `[…]` as in a shell.
 * @throws DiagnosticsError no-such-task when nothing matches: what was meant must not be taken for done.
 */
export function tasksBefore(playbooks: readonly Playbook[], wanted: string): ReadonlySet<Leaf> {
  const leaves = playbooks.flatMap(({ plays }) =>
    plays.flatMap(({ sections }) => leavesOf(sections.flatMap(({ nodes }) => nodes))),
  );
  const pattern = globPattern(wanted);
  const first = leaves.findIndex((leaf) =>
    namesOf(leaf).some((name) => name === wanted || pattern.test(name)),
  );
  if (first === -1) throw noSuchTask(leaves, wanted);
  return new Set(leaves.slice(0, first));
}

/** What a task is called in lists, and what `--start-at-task` finds it by. */
export function namesOf(leaf: Leaf): string[] {
  const task = leaf.kind === "include" ? leaf.task : leaf;
  const written =
    task.name?.kind === "text"
      ? task.name.template.source
      : task.name?.kind === "literal"
        ? String(task.name.value)
        : task.module;
  return task.role === undefined ? [written] : [`${task.role.name} : ${written}`, written];
}

function noSuchTask(leaves: readonly Leaf[], wanted: string): Error {
  const names = [...new Set(leaves.flatMap((leaf) => namesOf(leaf).slice(0, 1)))];
  const meant = didYouMean(wanted, names);
  const isOpen = leaves.some((leaf) => leaf.kind === "include" && leaf.inside === undefined);
  const hint =
    meant !== undefined
      ? `did you mean \`${meant}\`?`
      : isOpen
        ? "a task inside of an include that only the run knows can't be started at; --list-tasks shows the others"
        : "--list-tasks shows them";
  return inputError(
    "no-such-task",
    `--start-at-task ${wanted}: no task has this name`,
    present("hint", hint),
  );
}
