import { OPEN_SAFELY } from "../shell/safe-folder.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** As the user: what is a link there may lead to what only root can read, and would come back to the user as keys. */
const READ = rawShell(
  `/bin/sh -c '[ ! -f "$1/.ssh/authorized_keys" ] || cat -- "$1/.ssh/authorized_keys"' sh`,
);

/** The authorized_keys file of a user, or the one that is named instead; `home` undefined: there is no such user. */
export const authorizedKeys = defineQuery<
  { user: string; path?: string | undefined },
  { home: string | undefined; text: string }
>({
  name: "authorized-keys",
  identify: ({ user, path = "" }) => `${user}\0${path}`,
  script: (users) => ({
    script: shellLines(
      OPEN_SAFELY,
      ...users.map(({ user, path }) =>
        shellLines(
          sh`home=$(getent passwd ${user} | cut -d: -f6)`,
          rawShell(`printf '\\0U\\0%s\\0' "$home"`),
          path === undefined
            ? sh`[ -z "$home" ] || if [ "$(id -u)" = 0 ]; then runuser -u ${user} -- ${READ} "$home"; else ${READ} "$home"; fi`
            : sh`[ ! -f ${path} ] || ( plumb_open ${path} && cat <&8 )`,
          rawShell(`[ $? = 0 ] || printf '\\0F\\0'`),
        ),
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, users) => {
    const parts = output.stdout.toString().split("\0U\0").slice(1);
    return users.map((_, index) => {
      const part = parts[index];
      if (part === undefined) return notKnown(output.stderr.trim() || "no answer");
      const end = part.indexOf("\0");
      const home = part.slice(0, end);
      if (part.endsWith("\0F\0")) return notKnown(output.stderr.trim() || "the keys could not be read");
      return known({ home: home === "" ? undefined : home, text: part.slice(end + 1) });
    });
  },
});
