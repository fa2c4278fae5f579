import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface Crontab {
  /** The host has a cron. */
  hasCron: boolean;
  /** There is such a user. */
  hasUser: boolean;
  text: string;
}

/** Crontabs of users; "" is that of whoever asks. One crontab(1) a user (cron 3.0pl1): it takes one at a time. */
export const crontab = defineQuery<string, Crontab>({
  name: "crontab",
  identify: (user) => user,
  script: (users) => ({
    script: shellLines(
      rawShell("command -v crontab >/dev/null || { printf 'N\\f'; exit 0; }"),
      sh`set -- ${[...users]}`,
      rawShell(`for user; do
  [ -n "$user" ] && [ "$user" != "$(id -un)" ] && set -- -u "$user" || set --
  if [ $# -gt 0 ] && ! getent passwd "$user" >/dev/null; then printf 'U\\f'
  elif text=$(crontab "$@" -l 2>&1; code=$?; printf x; exit "$code"); then printf 'T%s\\f' "\${text%x}"
  else case $text in *'no crontab for'*) printf 'T\\f';; *) printf 'E%s\\f' "\${text%x}";; esac; fi
done`),
    ),
  }),
  parse: ({ stdout, stderr }, users) => {
    const parts = stdout.toString().split("\f");
    if (parts[0] === "N") return users.map(() => known({ hasCron: false, hasUser: true, text: "" }));
    return users.map((_, index) => {
      const part = index >= parts.length - 1 ? undefined : parts[index];
      if (part === "U") return known({ hasCron: true, hasUser: false, text: "" });
      if (part?.startsWith("T") === true) return known({ hasCron: true, hasUser: true, text: part.slice(1) });
      return notKnown(part?.slice(1).trim() || stderr.trim() || "no answer");
    });
  },
});
