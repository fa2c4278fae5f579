import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_TO_READ } from "../shell/state-directory.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** Which run's kept things, and whether contents are wanted too. */
export interface KeptQuestion {
  /** Without it: a run whose undoing has begun and not ended, otherwise the last one that kept something before this one. */
  run: string | undefined;
  /** The run that asks: what it has kept itself is not what is to be undone, and what it has begun to undo is. */
  self: string;
  contents: boolean;
}

/** One thing that a run replaced (converge/keep-script.ts), beside what is there now. */
export interface KeptThing {
  number: string;
  kind: string;
  key: string;
  before: string;
  info: { task: string; secret?: boolean; tree?: boolean; script?: string };
  now: string;
  isSame: boolean;
  /** Of files that everybody on the host may read, if they were asked for and are small. */
  contents?: { before: Buffer | undefined; now: Buffer | undefined };
}

export interface KeptState {
  /** undefined: there is no such run, or none at all. */
  run: string | undefined;
  /** All that kept something, oldest first. */
  runs: readonly string[];
  /** In the order in which they were replaced. */
  things: readonly KeptThing[];
  /** It has been begun to undo this run, and not ended. */
  isBegun: boolean;
  /** Other users who have kept something of this run. */
  otherUsers: readonly string[];
}

/** What a run kept of what it replaced, compared with what is there now: one script a run. */
export const keptState = defineQuery<KeptQuestion, KeptState>({
  name: "kept-state",
  identify: ({ run, self, contents }) => `${run ?? ""} ${self} ${contents}`,
  script: (questions) => ({
    script: shellLines(
      STATE_TO_READ,
      rawShell(FUNCTIONS),
      ...questions.map(({ run, self, contents }) => sh`tell ${run ?? ""} ${contents ? "yes" : "no"} ${self}`),
    ),
  }),
  parse: ({ stdout, stderr, exitCode }, questions) => {
    const parts = stdout
      .toString()
      .split(/^=\n/m)
      .slice(1)
      .map((part) => part.split("\n").slice(0, -1));
    if (exitCode !== 0 || parts.length !== questions.length)
      return questions.map(() =>
        notKnown(stderr.trim() || `what was kept could not be read (exit ${exitCode})`),
      );
    return parts.map((lines) => {
      try {
        return known(stateFrom(lines));
      } catch {
        return notKnown("what was kept on the host can't be understood");
      }
    });
  },
});

function stateFrom(lines: readonly string[]): KeptState {
  const fieldsOf = (word: string): string[][] =>
    lines.filter((line) => line.startsWith(`${word}\t`)).map((line) => line.split("\t").slice(1));
  const contents = new Map(
    fieldsOf("content").map(([number = "", before = "", now = ""]) => [
      number,
      { before: decoded(before), now: decoded(now) },
    ]),
  );
  const things = fieldsOf("thing").map(
    ([number = "", kind = "", key = "", before = "", info = "", now = "", same = ""]) => {
      const shown = contents.get(number);
      return {
        number,
        kind,
        key,
        before,
        info: JSON.parse(info) as KeptThing["info"],
        now,
        isSame: same === "same",
        ...(shown === undefined ? {} : { contents: shown }),
      };
    },
  );
  return {
    run: fieldsOf("run")[0]?.[0],
    runs: fieldsOf("kept").flat(),
    things,
    isBegun: fieldsOf("begun").length > 0,
    otherUsers: fieldsOf("user").flat(),
  };
}

function decoded(field: string): Buffer | undefined {
  return field === "-" ? undefined : Buffer.from(field, "base64");
}

const LARGEST_SHOWN_BYTES = 64 * 1024;

const FUNCTIONS = `
about_path() {
  if [ -L "$1" ]; then type=link; elif [ -f "$1" ]; then type=file; elif [ -d "$1" ]; then type=directory; elif [ -e "$1" ]; then type=other; else echo absent; return; fi
  echo "$type:$(stat -c '%u:%g:%a' -- "$1")"
}
same_path() {
  case $3 in tree:*) [ "\${3#tree}" = "\${4#directory}" ] || return 1;; *) [ "$3" = "$4" ] || return 1;; esac
  case $3 in
    file:*) cmp -s -- "$1" "$2";;
    link:*) [ "$(readlink -- "$1"; echo x)" = "$(readlink -- "$2"; echo x)" ];;
    tree:*) diff -rq --no-dereference -- "$1" "$2" >/dev/null 2>&1;;
  esac
}
in_words() {
  load=; active=; file=
  for word in $1; do case $word in LoadState=*) load=\${word#*=};; ActiveState=*) active=\${word#*=};; UnitFileState=*) file=\${word#*=};; esac; done
  case $active in active|reloading|activating) active=up;; *) active=down;; esac
  case $file in enabled|enabled-runtime) file=enabled;; masked*) file=masked;; *) file=not;; esac
  echo "$active $file"
}
shown() { if [ -f "$1" ] && [ ! -L "$1" ]; then base64 -w0 -- "$1"; else printf -; fi; }
small() { [ ! -e "$1" ] || { [ -f "$1" ] && [ "$(stat -c %s -- "$1")" -le ${LARGEST_SHOWN_BYTES} ] && case $(stat -c %a -- "$1") in *[4567]) true;; *) false;; esac; }; }
tell() {
  echo =
  [ -s "$state/undo/runs" ] || return 0
  sed 's/^/kept\t/' "$state/undo/runs"
  run=$1
  if [ -z "$run" ]; then
    if [ -s "$state/undo/$3/undoes" ]; then read -r run < "$state/undo/$3/undoes"; fi
    [ -n "$run" ] || for begun in "$state"/undo/*/begun; do [ ! -e "$begun" ] || { run=\${begun%/begun}; run=\${run##*/}; }; done
    [ -n "$run" ] || run=$(grep -vxF -- "$3" "$state/undo/runs" | tail -n 1)
  fi
  keep=$state/undo/$run
  [ -n "$run" ] && [ -f "$keep/index" ] || return 0
  printf 'run\t%s\n' "$run"
  [ ! -e "$keep/begun" ] || printf 'begun\t\n'
  if [ "$(id -u)" = 0 ]; then
    getent passwd | while IFS=: read -r name x uid gid gecos home shell; do [ "$uid" != 0 ] || continue; if [ -d "$home/.local/state/plumb/undo/$run" ] || { [ -d "/var/tmp/plumb-$uid/undo/$run" ] && [ "$(stat -c %u -- "/var/tmp/plumb-$uid")" = "$uid" ]; }; then printf 'user\t%s\n' "$name"; fi; done
  fi
  while IFS='	' read -r number kind key before info; do
    now=- same=differs
    case $kind in
      path) now=$(about_path "$key"); if same_path "$keep/$number" "$key" "$before" "$now"; then same=same; fi;;
      unit) now=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -- "$key" | sort | tr '\\n' ' ')
        [ "$(in_words "$before")" != "$(in_words "$now")" ] || same=same;;
      packages) ${packagesText()};;
      nftables-table) now=absent; if nft list tables 2>/dev/null | grep -qxF "table $key"; then now=present; fi
        if [ "$before" = "$now" ]; then if [ "$now" = absent ] || { printf 'table %s\\ndelete table %s\\n' "$key" "$key"; nft -s list table \${key%% *} "\${key#* }"; } | cmp -s - "$keep/$number"; then same=same; fi; fi;;
      sysctl) now=$(cat -- "/proc/sys/$(printf %s "$key" | tr . /)" 2>/dev/null | tr '\\t\\n' '  '); [ "$now" != "$(tr '\\t\\n' '  ' < "$keep/$number")" ] || same=same;;
      user) now=absent; if getent passwd -- "$key" >/dev/null; then now=present; fi
        if [ "$now" = "$before" ]; then if [ "$now" = absent ] || { getent passwd -- "$key"; getent shadow -- "$key" || echo; id -Gn -- "$key"; } | cmp -s - "$keep/$number"; then same=same; fi; fi;;
      group) now=absent; if getent group -- "$key" >/dev/null; then now=present; fi
        if [ "$now" = "$before" ]; then if [ "$now" = absent ] || getent group -- "$key" | cmp -s - "$keep/$number"; then same=same; fi; fi;;
    esac
    printf 'thing\t%s\t%s\t%s\t%s\t%s\t%s\t%s\\n' "$number" "$kind" "$key" "$before" "$info" "$now" "$same"
    if [ "$kind" = path ] && [ $2 = yes ] && [ $same = differs ] && small "$keep/$number" && small "$key"; then
      printf 'content\t%s\t%s\t%s\\n' "$number" "$(shown "$keep/$number")" "$(shown "$key")"
    fi
  done < "$keep/index"
  return 0
}`;

/** What would have to be done to packages: `+name=version` or `-name`, and `?name=version` for a version that cannot be had any more. */
function packagesText(): string {
  return `now=$(dpkg-query -W -f '\${db:Status-Status} \${binary:Package} \${Version}\\n' | awk '
      $1 != "installed" { next }
      FILENAME == "-" { is[$2] = $3; next }
      FILENAME ~ /\\.after$/ { then[$2] = $3; knows = 1; next }
      { was[$2] = $3 }
      END {
        for (name in was) if (is[name] != was[name] && (!knows || then[name] != was[name])) print "+" name "=" was[name]
        for (name in is) if (!(name in was) && (!knows || name in then)) print "-" name
      }' "$keep/$number" $([ ! -f "$keep/$number.after" ] || echo "$keep/$number.after") - | while read -r word; do
        case $word in +*) if apt-cache show -- "\${word#+}" >/dev/null 2>&1; then printf '%s ' "$word"; else printf '?%s ' "\${word#+}"; fi;; *) printf '%s ' "$word";; esac; done)
      if [ -z "$now" ]; then now=-; same=same; fi`;
}
