import { quote, rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

export interface ArchiveQuestion {
  /** Directory that the members' names are relative to. */
  root: string;
  /** Relative to it; `*`, `?` and `[…]` are patterns. */
  members: readonly string[];
  excludes: readonly string[];
  dest: string;
  format: ArchiveFormat;
  /** One file is compressed as it is, without a tar around it. */
  single: boolean;
}

export type ArchiveFormat = "tar" | "gz" | "bz2" | "xz" | "zst";

export interface ArchiveState {
  /** Members that are there. */
  members: readonly string[];
  /** Of what an archive of them would hold, before it is compressed; undefined: there is nothing to put into it. */
  wanted: string | undefined;
  /** Of what the archive that is there holds; undefined: there is none, or it is damaged. */
  has: string | undefined;
}

export const COMPRESSORS: Readonly<
  Record<ArchiveFormat, { program: string; package: string; arguments: readonly string[] }>
> = {
  tar: { program: "cat", package: "coreutils", arguments: [] },
  gz: { program: "gzip", package: "gzip", arguments: ["-n"] },
  bz2: { program: "bzip2", package: "bzip2", arguments: [] },
  xz: { program: "xz", package: "xz-utils", arguments: [] },
  zst: { program: "zstd", package: "zstd", arguments: ["-q"] },
};

/** Sets the positional parameters to the members that are there, in the directory they are relative to. */
export function selectMembers({ root, members }: ArchiveQuestion): ShellText {
  return shellLines(
    sh`cd -- ${root} || exit 1`,
    rawShell("set --"),
    ...members.map((member) =>
      rawShell(
        `for one in ${globText(member)}; do if [ -e "$one" ] || [ -L "$one" ]; then set -- "$@" "$one"; fi; done`,
      ),
    ),
  );
}

/** Writes what goes into the archive to standard output: the same bytes for the same files, whenever it is asked. */
export function contentText(question: ArchiveQuestion): ShellText {
  if (question.single) return rawShell('cat -- "$1"');
  const excludes = question.excludes.map((pattern) => `--exclude=${pattern}`);
  const own = question.dest.startsWith(`${question.root.replace(/\/$/, "")}/`)
    ? [
        "--anchored",
        `--exclude=${question.dest.slice(question.root.replace(/\/$/, "").length + 1)}`,
        `--exclude=./${question.dest.slice(question.root.replace(/\/$/, "").length + 1)}`,
        "--no-anchored",
      ]
    : [];
  return sh`tar --create --sort=name --format=gnu --numeric-owner --no-wildcards-match-slash ${own} --wildcards-match-slash ${excludes} -f - -- "$@"`;
}

/** Reads everything that would go into an archive, and what the archive that is there holds: nothing less says whether they are the same. */
export const archiveState = defineQuery<ArchiveQuestion, ArchiveState>({
  name: "archive-state",
  identify: (question) => JSON.stringify(question),
  script: (questions) => ({
    script: shellLines(
      ...questions.map((question) => {
        const { program } = COMPRESSORS[question.format];
        return shellLines(
          rawShell("printf '\\0Q\\0'; ("),
          sh`[ -d ${question.root} ] || { printf 'N\\0'; exit; }`,
          selectMembers(question),
          rawShell(
            `[ $# -gt 0 ]${question.single ? ' && [ -f "$1" ]' : ""} || { printf 'N\\0'; exit; }; printf 'M\\0'; printf '%s\\0' "$@"; printf '\\0'`,
          ),
          sh`{ { ${contentText(question)} || printf failed >&3; } | sha256sum | cut -c 1-64 | tr -d '\\n'; } 3>&1; printf '\\0'`,
          rawShell(")"),
          sh`printf 'H\\0'; if [ -f ${question.dest} ] && command -v ${program} >/dev/null; then { ${question.format === "tar" ? ["cat"] : [program, "-dc"]} ${rawShell("<")} ${question.dest} 2>/dev/null || echo damaged; } | sha256sum | cut -c 1-64 | tr -d '\\n'; fi; printf '\\0'`,
        );
      }),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const parts = output.stdout.toString().split("\0Q\0").slice(1);
    return questions.map((_, index): Answered<ArchiveState> => {
      const part = parts[index];
      const [contents, has] = part?.split("H\0") ?? [];
      if (contents === undefined || has === undefined) return notKnown(output.stderr.trim() || "no answer");
      const present = has.split("\0")[0];
      const held = present === undefined || present === "" ? undefined : present;
      if (contents.startsWith("N\0")) return known({ members: [], wanted: undefined, has: held });
      const fields = contents.split("\0").slice(1);
      const end = fields.indexOf("");
      const wanted = fields[end + 1];
      if (end === -1 || wanted === undefined || wanted.includes("failed"))
        return notKnown(`the files could not all be read: ${output.stderr.trim()}`);
      return known({ members: fields.slice(0, end), wanted, has: held });
    });
  },
});

/** Quotes everything but the signs of a pattern. */
function globText(path: string): string {
  return path
    .split(/([*?]|\[[^\]/]+\])/)
    .map((part, index) => (index % 2 === 1 ? part : part === "" ? "" : quote(part)))
    .join("");
}
