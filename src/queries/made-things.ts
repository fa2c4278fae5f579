import { rawShell, shellLines } from "../shell/shell-text.ts";
import { STATE_TO_READ } from "../shell/state-directory.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** Something that was not there before a run made it, and that is there now. */
export interface MadeThing {
  kind: "path" | "user" | "group" | "nftables-table";
  key: string;
  /** Somebody has written to the file well after the last run that did, by the host's clock. */
  isChanged: boolean;
  /** What is in a directory, to the bottom. */
  below?: readonly string[];
}

/** The list that runs keep of what they make (converge/keep-script.ts); undefined: there is none. */
export interface MadeThings {
  things: readonly MadeThing[] | undefined;
}

const LOOK = `[ -f "$state/made" ] || { printf 'none\\0'; exit 0; }
printf 'list\\0'
while IFS='	' read -r kind key time; do
  changed=
  case $kind in
    path)
      case $key in /var/lib/plumb/*) continue;; esac
      about=$(stat -c '%Y:%F' -- "$key" 2>/dev/null) || continue
      case $about in
        *:directory) printf 'path\\0%s\\0\\0' "$key"; find "$key" -mindepth 1 -printf '%p\\0' || exit 1; printf '\\0'; continue;;
        *) [ -z "$time" ] || [ "\${about%%:*}" -le $((time + 60)) ] || changed=yes;;
      esac;;
    user) getent passwd -- "$key" >/dev/null || continue;;
    group) getent group -- "$key" >/dev/null || continue;;
    nftables-table) nft list tables 2>/dev/null | grep -qxF "table $key" || continue;;
    *) continue;;
  esac
  printf '%s\\0%s\\0%s\\0\\0' "$kind" "$key" "$changed"
done < "$state/made"`;

/** One question a host: the key says nothing. */
export const madeThings = defineQuery<"all", MadeThings>({
  name: "made-things",
  identify: () => "all",
  script: () => ({ script: shellLines(STATE_TO_READ, rawShell(LOOK)) }),
  parse: ({ stdout, stderr, exitCode }) => {
    const [how, ...fields] = stdout.toString().split("\0");
    if (exitCode !== 0 || (how !== "none" && how !== "list"))
      return [notKnown(stderr.trim() || "the list of what was made could not be read")];
    return [known({ things: how === "none" ? undefined : thingsIn(fields) })];
  },
});

function thingsIn(fields: readonly string[]): MadeThing[] {
  const things: MadeThing[] = [];
  for (let index = 0; index + 3 < fields.length; ) {
    const [kind = "", key = "", changed] = fields.slice(index, index + 3);
    const end = fields.indexOf("", index + 3);
    const below = fields.slice(index + 3, end === -1 ? fields.length : end);
    index = end === -1 ? fields.length : end + 1;
    if (isKind(kind))
      things.push({ kind, key, isChanged: changed === "yes", ...(below.length === 0 ? {} : { below }) });
  }
  return things;
}

function isKind(kind: string): kind is MadeThing["kind"] {
  return ["path", "user", "group", "nftables-table"].includes(kind);
}
