import { readFileSync, statSync } from "node:fs";
import path from "node:path";

/**
 * The commit that a folder's repository is at, read from its files (gitrepository-layout(5)): to start git takes as long as to read a playbook.
 *
 * @returns undefined outside of a repository, and for one that keeps its references in another form.
 */
export function headCommit(folder: string): string | undefined {
  const repository = repositoryAround(path.resolve(folder));
  if (repository === undefined) return undefined;
  // A work tree of its own (git-worktree(1)) has its own HEAD, and shares the rest.
  const common = lineOf(path.join(repository, "commondir"));
  const shared = common === undefined ? repository : path.resolve(repository, common);
  let place = "HEAD";
  for (let step = 0; step < 5; step++) {
    const text =
      lineOf(path.join(repository, place)) ?? lineOf(path.join(shared, place)) ?? packed(shared, place);
    if (text === undefined || /^[0-9a-f]{40,64}$/.test(text)) return text;
    const next = /^ref: (refs\/.+)$/.exec(text)?.[1];
    if (next === undefined || next.includes("..")) return undefined;
    place = next;
  }
  return undefined;
}

function repositoryAround(folder: string): string | undefined {
  const inside = path.join(folder, ".git");
  const found = statSync(inside, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return inside;
  const elsewhere = found === undefined ? undefined : /^gitdir: (.+)$/.exec(lineOf(inside) ?? "")?.[1];
  if (elsewhere !== undefined) return path.resolve(folder, elsewhere);
  const above = path.dirname(folder);
  return above === folder ? undefined : repositoryAround(above);
}

function packed(repository: string, reference: string): string | undefined {
  const lines = textOf(path.join(repository, "packed-refs"))?.split("\n") ?? [];
  return lines.find((line) => line.endsWith(` ${reference}`))?.split(" ")[0];
}

function lineOf(file: string): string | undefined {
  return textOf(file)?.trim();
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
