import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** An answer in debconf's database (debconf-communicate(1), debconf 1.5.82). */
export type DebconfValue = { exists: false } | { exists: true; value: string; seen: boolean };

/** Answers to questions of packages: one debconf-communicate for all of them. The questions go in on standard input. */
export const debconfValue = defineQuery<string, DebconfValue>({
  name: "debconf-value",
  identify: (question) => question,
  script: (questions) => ({
    script: rawShell("DEBIAN_FRONTEND=noninteractive exec debconf-communicate"),
    stdin: Buffer.from(questions.map((question) => `GET ${question}\nFGET ${question} seen\n`).join("")),
  }),
  parse: ({ stdout, stderr, exitCode }, questions) => {
    const lines = stdout.toString().split("\n");
    return questions.map((_, index) => {
      const [get, seen] = lines.slice(2 * index, 2 * index + 2).map((line) => /^(\d+) ?(.*)$/.exec(line));
      if (get?.[1] === "0" && seen?.[1] === "0")
        return known({ exists: true, value: get[2] ?? "", seen: seen[2] === "true" });
      // 10: bad parameter, and a question that is not there is one (debconf-devel(7)).
      if (get?.[1] === "10") return known({ exists: false });
      return notKnown(`debconf-communicate: ${stderr.trim() || `exit ${exitCode}`}`);
    });
  },
});
