import { type Subject, subjectKey } from "../modules/subject.ts";
import { quote, rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";

/**
 * What runs keep on a host of what they replaced, below Plumb's state directory (0700):
 *
 *     undo/runs           the runs that kept something, oldest first, one a line
 *     undo/RUN/index      a line for each thing: NUMBER TAB KIND TAB KEY TAB FORMER-STATE TAB JSON
 *     undo/RUN/NUMBER     what it was: a copy of the file, a listing of the table, ...
 *     made                what was not there before: KIND TAB KEY, one a line
 *
 * The step that replaces something saves it first, in the same script and as the same user: it costs no trip, and when there is no room for it, nothing
 * is replaced. What is kept is synced to disk before it is replaced.
 */

/** Exit code when something could not be kept (sysexits.h EX_CANTCREAT); stderr starts with `KEEP_FAILED`. */
export const NOT_KEPT = 73;
export const KEEP_FAILED = "plumb could not keep what would be replaced";

/** Larger files and trees are not kept, and the record says so. */
const LARGEST_KEPT_KIB = 64 * 1024;

/** Which run keeps, and what becomes of older ones. */
export interface Journal {
  runId: string;
  /** Tells apart what several processes have kept of one run: each counts from the beginning. */
  session: string;
  /** So many runs are kept, this one included. */
  runs: number;
}

export interface KeptSubject {
  subject: Subject;
  /** `SESSION.00007.0`: which session, its how-manieth change, which of its things. */
  number: string;
  /** The task that replaces it, without secrets. */
  task: string;
}

/** Shell text that saves the former state of some things; it ends the script with `NOT_KEPT` when it can't. */
export function keepScript(journal: Journal, kept: readonly KeptSubject[]): ShellText {
  const copies = kept.some(({ subject }) => subject.kind !== "again" && subject.kind !== "lost");
  return shellLines(
    rawShell("( umask 077"),
    STATE_DIRECTORY,
    sh`run=${journal.runId}; keep="$state/undo/$run"`,
    sh`if [ ! -d "$keep" ]; then mkdir -p -- "$keep" && echo "$run" >> "$state/undo/runs" || exit 1; left=$(($(wc -l < "$state/undo/runs") - ${journal.runs})); if [ "$left" -gt 0 ]; then`,
    rawShell(
      'head -n "$left" "$state/undo/runs" | while read -r old; do rm -rf -- "$state/undo/${old:?}"; done; tail -n "+$((left + 1))" "$state/undo/runs" > "$state/undo/runs.new" && mv -f -- "$state/undo/runs.new" "$state/undo/runs" || exit 1; fi; fi',
    ),
    rawShell(
      `add() { printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$@" >> "$keep/index" || exit 1; }
made() {
  [ "$3" = new ] || [ -f "$state/made" ] || return 0
  [ -f "$state/made" ] || : > "$state/made" || exit 1
  thing="$1	$2" now=$(date +%s) how=$3 awk -F'\\t' 'BEGIN { OFS = FS; thing = ENVIRON["thing"]; now = ENVIRON["now"] } $1 FS $2 == thing { found = 1; $3 = now } { print } END { if (!found && ENVIRON["how"] == "new") print thing, now }' "$state/made" > "$state/made.new" && mv -f -- "$state/made.new" "$state/made" || exit 1
}`,
    ),
    ...FUNCTIONS.filter(({ kind }) => kept.some(({ subject }) => subject.kind === kind)).map(({ text }) =>
      rawShell(text),
    ),
    ...kept.map(keepOne),
    copies ? rawShell('sync -- "$keep/index" || exit 1') : undefined,
    rawShell(`) </dev/null >&2 || { echo ${quote(KEEP_FAILED)} >&2; exit ${NOT_KEPT}; }`),
  );
}

/** Shell text that notes which packages there are now beside the list that was kept last. */
export function afterPackagesScript({ runId }: Journal): ShellText {
  return shellLines(
    STATE_DIRECTORY,
    sh`keep="$state/undo"/${runId}`,
    rawShell(
      `number=$(awk -F'\t' '$2 == "packages" { n = $1 } END { print n }' "$keep/index"); ( umask 077; ${LIST_PACKAGES} > "$keep/$number.after" ) || true`,
    ),
  );
}

function keepOne({ subject, number, task }: KeptSubject): ShellText {
  const key = subjectKey(subject).replaceAll(/[\t\n]/g, " ");
  const info = JSON.stringify({
    task,
    ...(subject.kind === "path" && subject.secret === true ? { secret: true } : {}),
    ...(subject.kind === "path" && subject.tree === true ? { tree: true } : {}),
    ...(subject.kind === "again" ? { script: subject.script.shell } : {}),
  });
  switch (subject.kind) {
    case "path":
      // The index is lines and tabs: a path that has some itself is not worth another format.
      return key === subject.path
        ? sh`keep_path ${number} ${key} ${info} ${subject.tree === true ? "tree" : "one"}`
        : sh`add ${number} lost ${`${key} (its name has a tab or a line's end in it)`} - ${info}`;
    case "again":
      return sh`add ${number} again ${key} "$(date +%s)" ${info}`;
    case "lost":
      return sh`add ${number} lost ${key} - ${info}`;
    case "nftables-table":
      return sh`keep_table ${number} ${key} ${info} ${subject.family} ${subject.name}`;
    default:
      return sh`keep_${rawShell(subject.kind)} ${number} ${key} ${info}`;
  }
}

const LIST_PACKAGES = "dpkg-query -W -f '${db:Status-Status} ${binary:Package} ${Version}\\n'";

/** Each gets number, key and JSON. */
const FUNCTIONS: readonly { kind: Subject["kind"]; text: string }[] = [
  {
    kind: "path",
    text: `keep_path() {
  if [ -L "$2" ]; then type=link; elif [ -f "$2" ]; then type=file; elif [ -d "$2" ]; then type=directory; elif [ -e "$2" ]; then type=other; else
    add "$1" path "$2" absent "$3"; made path "$2" new; return
  fi
  made path "$2" again
  about=$(stat -c '%u:%g:%a' -- "$2") || exit 1
  if [ "$type" = file ] || [ "$4" = tree ]; then
    size=$(du -skx -- "$2") || exit 1
    if [ "\${size%%[!0-9]*}" -gt ${LARGEST_KEPT_KIB} ]; then add "$1" lost "$2 (\${size%%[!0-9]*} KiB: too large to keep)" - "$3"; return; fi
  fi
  if [ "$type" = file ] || [ "$type" = link ]; then cp -a -- "$2" "$keep/$1" || exit 1
    # Somebody may have put another thing there meanwhile: what is kept is what was copied, with the owner that it had.
    if [ "$type" = file ]; then
      [ -f "$keep/$1" ] && [ ! -L "$keep/$1" ] || { echo "$2 was swapped by somebody" >&2; exit 1; }
      [ "$(id -u)" != 0 ] || about=$(stat -c '%u:%g:%a' -- "$keep/$1") || exit 1
      sync -- "$keep/$1" || exit 1
    fi
  elif [ "$type" = directory ] && [ "$4" = tree ]; then cp -a -- "$2" "$keep/$1" && sync -f -- "$keep/$1" || exit 1; type=tree; fi
  add "$1" path "$2" "$type:$about" "$3"
}`,
  },
  {
    kind: "unit",
    text: `keep_unit() {
  about=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -- "$2" | sort | tr '\\n' ' ') || exit 1
  add "$1" unit "$2" "$about" "$3"
}`,
  },
  {
    kind: "packages",
    text: `keep_packages() {
  ${LIST_PACKAGES} > "$keep/$1" && sync -- "$keep/$1" || exit 1
  add "$1" packages packages listed "$3"
}`,
  },
  {
    kind: "nftables-table",
    text: `keep_table() {
  if nft list tables 2>/dev/null | grep -qxF "table $4 $5"; then
    { printf 'table %s %s\\ndelete table %s %s\\n' "$4" "$5" "$4" "$5"; nft -s list table "$4" "$5"; } > "$keep/$1" && sync -- "$keep/$1" || exit 1
    add "$1" nftables-table "$2" present "$3"
  else add "$1" nftables-table "$2" absent "$3"; made nftables-table "$2" new; fi
}`,
  },
  {
    kind: "sysctl",
    text: `keep_sysctl() {
  file=/proc/sys/$(printf %s "$2" | tr . /)
  if [ -r "$file" ]; then cat -- "$file" > "$keep/$1" && sync -- "$keep/$1" || exit 1; add "$1" sysctl "$2" present "$3"; fi
}`,
  },
  {
    kind: "user",
    text: `keep_user() {
  if getent passwd -- "$2" > "$keep/$1"; then
    { getent shadow -- "$2" || echo; id -Gn -- "$2"; } >> "$keep/$1" 2>/dev/null && sync -- "$keep/$1" || exit 1
    add "$1" user "$2" present "$3"
  else rm -f -- "$keep/$1"; add "$1" user "$2" absent "$3"; made user "$2" new; fi
}`,
  },
  {
    kind: "group",
    text: `keep_group() {
  if getent group -- "$2" > "$keep/$1"; then sync -- "$keep/$1" || exit 1; add "$1" group "$2" present "$3"
  else rm -f -- "$keep/$1"; add "$1" group "$2" absent "$3"; made group "$2" new; fi
}`,
  },
];
