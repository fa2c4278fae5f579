import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, nothingAsked, notKnown } from "./query.ts";

export interface HardLinkQuestion {
  /** The second name. */
  path: string;
  /** The file. */
  src: string;
}

export interface HardLink {
  /** Both are names of one file. */
  isSame: boolean;
  /** A file has all its names in one mount: this is in another. */
  isElsewhere: boolean;
}

/** Whether paths are, or can become, other names of files (link(2)); stat(1) of GNU coreutils for where they are mounted. undefined: nothing is asked. */
export const hardLink = defineQuery<HardLinkQuestion | undefined, HardLink>({
  name: "hard-link",
  paths: (question) => (question === undefined ? [] : undefined),
  recheck: nothingAsked,
  identify: (question) => (question === undefined ? "" : `${question.path}\0${question.src}`),
  script: (questions) => ({
    script: shellLines(
      sh`set -- ${questions.flatMap((one) => (one === undefined ? [] : [one.path, one.src]))}`,
      rawShell(`while [ $# -gt 0 ]; do
  same=D; [ "$1" -ef "$2" ] && same=S
  from=$(stat -c %m -- "$2" 2>/dev/null); to=$(stat -L -c %m -- "\${1%/*}/" 2>/dev/null)
  where=H; [ -z "$from" ] || [ -z "$to" ] || [ "$from" = "$to" ] || where=E
  echo "$same$where"; shift 2
done`),
    ),
  }),
  parse: ({ stdout, stderr }, questions) => {
    const lines = stdout.toString().split("\n");
    let next = 0;
    return questions.map((question) => {
      if (question === undefined) return known({ isSame: false, isElsewhere: false });
      const line = lines[next++] ?? "";
      return /^[SD][HE]$/.test(line)
        ? known({ isSame: line.startsWith("S"), isElsewhere: line.endsWith("E") })
        : notKnown(stderr.trim() || "no answer");
    });
  },
});
