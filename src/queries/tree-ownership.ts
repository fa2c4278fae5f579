import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** Which paths below a directory belong to somebody else. */
export interface TreeQuestion {
  path: string;
  owner?: string;
  group?: string;
}

export interface TreeOwnership {
  differing: readonly string[];
}

/** One find(1) a tree; a question without owner and group costs nothing. */
export const treeOwnership = defineQuery<TreeQuestion, TreeOwnership>({
  name: "tree-ownership",
  paths: ({ owner, group }) => (owner === undefined && group === undefined ? [] : undefined),
  recheck: (questions) =>
    questions.every(({ owner, group }) => owner === undefined && group === undefined)
      ? rawShell(":")
      : undefined,
  identify: ({ path, owner, group }) =>
    owner === undefined && group === undefined ? "" : `${path}\0${owner ?? ""}\0${group ?? ""}`,
  script: (questions) => ({
    script: shellLines(
      ...questions.map(({ path, owner, group }, index) => {
        if (owner === undefined && group === undefined) return undefined;
        const user = owner === undefined ? rawShell("") : sh`! -user ${owner}`;
        const or = owner !== undefined && group !== undefined ? rawShell("-o") : rawShell("");
        const team = group === undefined ? rawShell("") : sh`! -group ${group}`;
        return sh`printf '%s\\0' ${index}; if [ -d ${path} ]; then find ${path} -xdev '(' ${user} ${or} ${team} ')' -print0 2>/dev/null || find ${path} -xdev -print0; fi; printf '\\0'`;
      }),
    ),
  }),
  parse: (output, questions) => {
    const fields = output.stdout.toString().split("\0");
    const found = new Map<number, string[]>();
    let current = -1;
    for (const field of fields) {
      if (current === -1 && /^\d+$/.test(field)) {
        current = Number(field);
        found.set(current, []);
      } else if (field === "") current = -1;
      else found.get(current)?.push(field);
    }
    return questions.map(({ owner, group }, index) => {
      if (owner === undefined && group === undefined) return known({ differing: [] });
      const differing = found.get(index);
      return differing === undefined
        ? notKnown(`find said nothing: ${output.stderr.trim()}`)
        : known({ differing });
    });
  },
});
