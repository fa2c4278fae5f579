import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known } from "./query.ts";

const TIMES = rawShell(
  'set -- /var/lib/apt/lists/*Packages* /var/lib/apt/lists/*InRelease; for one; do [ -e "$one" ] && have=1; done; [ -z "$have" ] || stat -c \'T %Y\' /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp 2>/dev/null; exit 0',
);

/** When apt's package lists were fetched, in seconds since 1970; undefined when there are none. */
export const aptLists = defineQuery<"fetched", { fetchedSeconds: number | undefined }>({
  name: "apt-lists",
  restless: () => ["fetchedSeconds"],
  identify: (key) => key,
  script: () => ({ script: TIMES }),
  recheck: () => TIMES,
  parse: (output) => {
    const times = [...output.stdout.toString().matchAll(/^T (\d+)$/gm)].map((match) => Number(match[1]));
    return [known({ fetchedSeconds: times.length === 0 ? undefined : Math.max(...times) })];
  },
});
