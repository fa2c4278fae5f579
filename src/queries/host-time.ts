import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, nothingAsked, notKnown } from "./query.ts";

/** Times that people write, in seconds since 1970: date(1) of the host reads them, which knows its time zone. undefined: nothing is asked. */
export const hostTime = defineQuery<string | undefined, { seconds: number | undefined }>({
  name: "host-time",
  paths: (text) => (text === undefined ? [] : undefined),
  recheck: nothingAsked,
  identify: (text) => text ?? "",
  script: (texts) => ({
    script: shellLines(
      ...texts.map((text, index) =>
        text === undefined ? undefined : sh`echo ${index} "$(date -d ${text} +%s)"`,
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: ({ stdout, stderr }, texts) => {
    const found = new Map(
      [...stdout.toString().matchAll(/^(\d+) (-?\d+)$/gm)].map(([, index, seconds]) => [
        Number(index),
        Number(seconds),
      ]),
    );
    return texts.map((text, index) => {
      if (text === undefined) return known({ seconds: undefined });
      const seconds = found.get(index);
      return seconds === undefined
        ? notKnown(stderr.trim() || `date did not read ${text}`)
        : known({ seconds });
    });
  },
});
