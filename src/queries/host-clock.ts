import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** What time it is on the host, in seconds since 1970. */
export const hostClock = defineQuery<"now", { seconds: number }>({
  name: "host-clock",
  restless: () => ["seconds"],
  identify: (key) => key,
  script: () => ({ script: rawShell("date +%s") }),
  // That time goes by is no change of anybody's.
  recheck: () => rawShell(":"),
  parse: ({ stdout, stderr }) => {
    const seconds = Number(stdout.toString().trim());
    return [
      Number.isInteger(seconds) && seconds > 0
        ? known({ seconds })
        : notKnown(stderr.trim() || "date said nothing"),
    ];
  },
});
