import type { LintTree } from "./tree.ts";

const cache = new WeakMap<LintTree, ReadonlySet<string>>();

/**
 * Every word of the tree that stands anywhere but where a variable is defined: a superset of the variables that are used, so that what is not in it is
 * used by nothing. Looked for in the text, because names also stand in templates that no task names and in files that only a run reads.
 */
export function namesUsed(tree: LintTree): ReadonlySet<string> {
  const known = cache.get(tree);
  if (known !== undefined) return known;
  const words = new Set<string>();
  for (const { text, kind, file } of [...tree.files, ...tree.elsewhere]) {
    if (kind === "specification" || /\.(md|rst)$/.test(file)) continue;
    for (const line of text.split("\n")) {
      // A key at the start of a line defines; what stands behind it uses. Comments do neither.
      const rest = line.replace(/^\s*(-\s+)?["']?[A-Za-z_]\w*["']?\s*[:=]/, "").replace(/(^|\s)#.*$/, "");
      for (const word of rest.match(/[A-Za-z_]\w*/g) ?? []) words.add(word);
    }
  }
  cache.set(tree, words);
  return words;
}
