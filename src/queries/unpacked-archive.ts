import { createHash } from "node:crypto";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY, STATE_TO_READ } from "../shell/state-directory.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

export interface UnpackedQuestion {
  /** Which archive and how it is unpacked; see `unpackedId`. */
  id: string;
  dest: string;
}

/** What is left of an archive that was unpacked. */
export interface UnpackedArchive {
  /** SHA-256 of the archive; undefined: it was never unpacked here. */
  sha256: string | undefined;
  /** What is not as it was unpacked, in a few words each; at most a hundred. */
  differing: readonly string[];
  /** Everything that came out of it, relative to the destination. */
  files: readonly string[];
}

/** Where Plumb keeps what it unpacked: as the rest of its state, private to who did it (converge/host-state.ts). */
const KEPT = rawShell("kept=$state/unpacked");
export const UNPACKED_FOLDER = shellLines(STATE_DIRECTORY, KEPT);

/** Names what is remembered: the same archive under other settings is another. */
export function unpackedId(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Records what the paths (NUL-separated, in the file `$record/paths`, relative to the working directory) are like. */
export const DESCRIBE_PATHS = "LC_ALL=C xargs -0r stat -c '%A %u:%g %N' -- < \"$record/paths\" 2>/dev/null";

/** What has become something that never ends when it is read, or waits for somebody to write into it, is told of, and nothing is read then. */
const CHECK_CONTENTS = `if xargs -0r sh -c 'for one; do [ ! -e "$one" ] || [ -f "$one" ] || [ -d "$one" ] || { printf "%s: is no file\\n" "$one"; exit 255; }; done' sh < "$record/paths" 2>/dev/null; then sha256sum --quiet --check -- "$record/contents" 2>/dev/null; fi`;

/**
 * Compares what was unpacked with what was written down then: contents by sha256sum(1), types, owners and modes by stat(1). Nothing of the archive is
 * needed for that.
 */
export const unpackedArchive = defineQuery<UnpackedQuestion, UnpackedArchive>({
  name: "unpacked-archive",
  identify: ({ id, dest }) => `${id}\0${dest}`,
  script: (questions) => ({
    script: shellLines(
      STATE_TO_READ,
      KEPT,
      ...questions.map(({ id, dest }) =>
        shellLines(
          sh`printf '\\0Q\\0'; record=$kept/${id}`,
          sh`if [ -f "$record/archive" ]; then cat "$record/archive"; printf '\\0'; cat "$record/paths"; printf 'D\\0'`,
          sh`  if cd -- ${dest} 2>/dev/null; then { ${rawShell(CHECK_CONTENTS)}; ${rawShell(DESCRIBE_PATHS)} | diff -- "$record/attributes" - | sed -n 's/^[<] /was: /p'; } | head -n 100; else echo "the directory is not there"; fi`,
          rawShell("  printf '\\0'; fi"),
        ),
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const parts = output.stdout.toString().split("\0Q\0").slice(1);
    return questions.map((_, index): Answered<UnpackedArchive> => {
      const part = parts[index];
      if (part === undefined) return notKnown(output.stderr.trim() || "no answer");
      if (part === "") return known({ sha256: undefined, differing: [], files: [] });
      const [sha256 = "", ...rest] = part.split("\0");
      const end = rest.lastIndexOf("D");
      return known({
        sha256: sha256.trim(),
        files: rest.slice(0, end),
        differing: (rest[end + 1] ?? "").split("\n").filter((line) => line !== ""),
      });
    });
  },
});
