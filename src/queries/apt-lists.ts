import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** How old apt's package lists are, in seconds; undefined when there are none. */
export const aptListsAge = defineQuery<"age", { seconds: number | undefined }>({
  name: "apt-lists",
  restless: () => ["seconds"],
  identify: (key) => key,
  script: () => ({
    script: rawShell(
      "set -- /var/lib/apt/lists/*Packages* /var/lib/apt/lists/*InRelease; for one; do [ -e \"$one\" ] && have=1; done; [ -n \"$have\" ] && stat -c 'T %Y' /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp 2>/dev/null; date '+N %s'",
    ),
  }),
  parse: (output) => {
    const times = [...output.stdout.toString().matchAll(/^T (\d+)$/gm)].map((match) => Number(match[1]));
    const now = Number(/^N (\d+)$/m.exec(output.stdout.toString())?.[1]);
    if (!Number.isInteger(now)) return [notKnown(output.stderr.trim())];
    return [known({ seconds: times.length === 0 ? undefined : now - Math.max(...times) })];
  },
});
