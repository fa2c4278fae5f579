import { OPEN_SAFELY } from "../shell/safe-folder.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, nothingAsked, notKnown } from "./query.ts";

export interface UserKey {
  /** undefined: there is no such user, or no key that can be read. */
  publicKey: string | undefined;
  /** Absolute path of the private key. */
  path: string | undefined;
}

/** A user's key for SSH: its public half, which is all that leaves the host. A public file without its private one counts for nothing. */
export const userKey = defineQuery<{ user: string; file: string } | undefined, UserKey>({
  name: "user-key",
  recheck: nothingAsked,
  identify: (question) => (question === undefined ? "" : `${question.user}\0${question.file}`),
  script: (questions) => ({
    script: shellLines(
      OPEN_SAFELY,
      ...questions.map((question, index) =>
        question === undefined
          ? undefined
          : shellLines(
              sh`file=${question.file}; home=$(getent passwd ${question.user} | cut -d: -f6)`,
              rawShell("case $file in /*) ;; *) file=$home/$file;; esac"),
              sh`printf 'K\\0%s\\0%s\\0' ${index} "$file"`,
              rawShell(
                '[ -z "$home" ] || [ ! -f "$file" ] || [ ! -f "$file.pub" ] || ( plumb_open "$file.pub" && cat <&8 ) || printf "\\0F"; printf "\\0"',
              ),
            ),
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: ({ stdout, stderr }, questions) => {
    const fields = stdout
      .toString()
      .split("K\0")
      .slice(1)
      .map((part) => part.split("\0"));
    return questions.map((question, index) => {
      if (question === undefined) return known({ publicKey: undefined, path: undefined });
      const [, path, text, mark] = fields.find(([at]) => at === String(index)) ?? [];
      if (text === undefined || mark === "F") return notKnown(stderr.trim() || "no answer");
      return known({ publicKey: text.trim() === "" ? undefined : text.trim(), path });
    });
  },
});
