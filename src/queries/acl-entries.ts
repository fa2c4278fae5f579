import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface AclQuestion {
  path: string;
  /** Look at everything below as well, and tell which does not have exactly this entry (`user:ana:r-x`), or has one that begins so. */
  below?: { entry: string; wanted: boolean };
}

export type AclAnswer =
  | { exists: false }
  | {
      exists: true;
      isDirectory: boolean;
      /** Such as "user::rwx", "default:group:www:r-x". */
      entries: readonly string[];
      /** Paths that are not as `below` wants them. */
      differing: readonly string[];
    };

/** Access control lists of any number of paths: one getfacl(1) a path, or one for a whole tree (acl 2.3). */
export const aclEntries = defineQuery<AclQuestion, AclAnswer>({
  name: "acl-entries",
  identify: ({ path, below }) => [path, below?.entry, below?.wanted].join("\0"),
  script: (questions) => ({
    script: shellLines(
      rawShell("command -v getfacl >/dev/null || { echo 'there is no getfacl (package acl)' >&2; exit 3; }"),
      ...questions.map(({ path, below }) =>
        shellLines(
          sh`path=${path}`,
          rawShell(
            `if [ -e "$path" ]; then if [ -d "$path" ]; then echo D; else echo F; fi; getfacl --absolute-names --omit-header -- "$path" || echo E`,
          ),
          below === undefined
            ? undefined
            : sh`find "$path" ${below.entry.startsWith("default:") ? ["-type", "d"] : ["!", "-type", "l"]} -print0 | xargs -0r getfacl --absolute-names -- | awk -v want=${below.entry} -v wanted=${below.wanted ? 1 : 0} ${DIFFERING}`,
          rawShell(`else echo A; fi; printf '\\f'`),
        ),
      ),
    ),
  }),
  parse: ({ stdout, stderr, exitCode }, questions) => {
    const parts = stdout.toString().split("\f");
    return questions.map((_, index) => {
      const [mark, ...lines] = (parts[index] ?? "").trim().split("\n");
      if (exitCode !== 0 || index >= parts.length - 1 || lines.includes("E"))
        return notKnown(stderr.trim() || `getfacl: exit ${exitCode}`);
      if (mark === "A") return known({ exists: false });
      return known({
        exists: true,
        isDirectory: mark === "D",
        entries: lines.filter((line) => line !== "" && !line.startsWith("! ")).map(withoutRemark),
        differing: lines.filter((line) => line.startsWith("! ")).map((line) => line.slice(2)),
      });
    });
  },
});

/** getfacl separates files by blank lines; the first line of each names it. */
const DIFFERING = `BEGIN { RS = ""; FS = "\\n" }
{ has = 0; for (i = 2; i <= NF; i++) { line = $i; sub(/[ \\t]+#.*/, "", line); if (wanted ? line == want : index(line, want) == 1) has = 1 }
  if (has != wanted) print "! " substr($1, 9) }`;

/** What the mask takes away stands behind the entry. */
const withoutRemark = (line: string): string => line.replace(/(?<!\s)\s+#.*$/, "");
