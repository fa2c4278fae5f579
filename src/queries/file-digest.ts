import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export type DigestAlgorithm = "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512";

/** Digests of files in the algorithm that is wanted; undefined: no file there. `pathState` gives SHA-256 for less. */
export const fileDigest = defineQuery<
  { path: string; algorithm: DigestAlgorithm } | undefined,
  { digest: string | undefined }
>({
  name: "file-digest",
  identify: (question) => (question === undefined ? "" : `${question.algorithm}\0${question.path}`),
  script: (questions) => ({
    script: shellLines(
      ...questions.map((question, index) =>
        question === undefined
          ? undefined
          : sh`if [ -f ${question.path} ]; then printf '%s ' ${index}; ${`${question.algorithm}sum`} < ${question.path} || exit 1; elif [ -e ${question.path} ] || [ ! -L ${question.path} ]; then echo ${`${index} none`}; fi`,
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const found = new Map(
      [...output.stdout.toString().matchAll(/^(\d+) (none|[0-9a-f]+)/gm)].map(([, index, digest]) => [
        Number(index),
        digest,
      ]),
    );
    return questions.map((question, index) => {
      if (question === undefined) return known({ digest: undefined });
      const digest = found.get(index);
      if (digest === undefined) return notKnown(output.stderr.trim() || `no digest of ${question.path}`);
      return known({ digest: digest === "none" ? undefined : digest });
    });
  },
});
