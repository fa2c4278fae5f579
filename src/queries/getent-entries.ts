import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface GetentQuestion {
  database: string;
  key?: string;
  /** One of the services of nsswitch.conf(5), such as "files". */
  service?: string;
}

/** getent(1) of glibc 2.36: 2 for a key that is not there, 1 for a database it does not know, 3 where it can't be listed. */
export type GetentEntries = { found: true; lines: readonly string[] } | { found: false };

/** Entries of name service databases: one getent(1) a question. */
export const getentEntries = defineQuery<GetentQuestion, GetentEntries>({
  name: "getent-entries",
  identify: ({ database, key, service }) => [database, key, service].join("\0"),
  script: (questions) => ({
    script: shellLines(
      ...questions.map(({ database, key, service }) =>
        shellLines(
          sh`getent ${service === undefined ? [] : ["-s", service]} -- ${database} ${key === undefined ? [] : [key]}`,
          rawShell("printf '\\f%s\\f' $?"),
        ),
      ),
    ),
  }),
  parse: ({ stdout, stderr }, questions) => {
    const parts = stdout.toString().split("\f");
    return questions.map(({ database }, index) => {
      const lines = (parts[2 * index] ?? "").split("\n").filter((line) => line !== "");
      const code = parts[2 * index + 1];
      if (code === "0") return known({ found: true, lines });
      if (code === "2") return known({ found: false });
      if (code === "3") return notKnown(`the database ${database} can't be listed: ask for a \`key\``);
      return notKnown(stderr.trim() || `getent ${database}: exit ${code ?? "unknown"}`);
    });
  },
});
