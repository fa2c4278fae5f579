import { rawShell, type ShellText, sh, shellLines } from "./shell-text.ts";

/** `plumb_trusts WRITTEN REAL UID`: see SAFE_FOLDER. */
export const TRUSTS = rawShell(`plumb_trusts() {
  [ "$1" != "$2" ] || return 0
  ( set -f; us=$(id -u); from=$1; to=$3; way=; set --; IFS=/
    for part in $from; do [ -z "$part" ] || { way=$way/$part; set -- "$@" "$way"; }; done
    unset IFS
    for uid in $(stat -c %u -- "$@" 2>/dev/null); do
      case $uid in 0|"$us") ;; "$to") exit 0;; *) exit 1;; esac
    done )
}`);

/**
 * `plumb_open PATH`: opens a file or a directory as descriptor 8, and fails where a link has led there that a user has laid whom that does not belong to. What is done next is done to
 * /proc/self/fd/8: it is what was looked at, whatever the name leads to by then.
 */
export const OPEN_SAFELY = rawShell(`${TRUSTS.shell}
plumb_open() {
  [ -f "$1" ] || [ -d "$1" ] || { echo "$1 is neither a file nor a directory" >&2; return 1; }
  command exec 8< "$1" || return 1
  real=$(readlink -n /proc/self/fd/8; printf x); real=\${real%x}
  plumb_trusts "$1" "$real" "$(stat -L -c %u /proc/self/fd/8)" || { exec 8<&-; echo "$1 leads to $real, by a link of a user whom that does not belong to: it was not followed" >&2; return 1; }
}`);

/**
 * Shell functions for working in a folder that somebody else may write to, such as a user's home, without being led elsewhere by links that are planted or swapped meanwhile.
 *
 * They hold on to what they have entered: the folder is the shell's own working directory, an opened file is a descriptor, and what is done is done to these, not to
 * a path that is looked up anew. `folder` is afterwards where the folder really is.
 *
 *     plumb_trusts WRITTEN REAL UID    whether a path may lead where it led
 *     plumb_enter FOLDER               goes there, and fails where it was led astray
 *     plumb_make FOLDER                makes it, and those above it, one by one, and goes there
 *     plumb_work                       makes a folder of our own in there, goes there, and removes it in the end; root notes where, because the power may fail before that end
 *     plumb_before NAME                from in there: sets `owner` (UID:GID) and `mode` of the file NAME in the folder above; empty where there is none
 *     plumb_backup NAME                from in there: copies that file to NAME.DATE~
 *     plumb_set OWNER MODE ./NAME      owner and mode of what is in the folder; either may be empty
 *
 * Of a file in somebody else's folder the set-id bits are not taken over: it could be another name of one that is root's.
 *
 * A link may be followed when root or we ourselves have laid it. One in the reach of another user may lead to what belongs to that user, and nowhere else
 * (systemd-tmpfiles calls the rest "unsafe path transitions").
 */
export const SAFE_FOLDER = rawShell(`${TRUSTS.shell}
plumb_enter() {
  [ -d "$1" ] || { echo "the directory $1 does not exist" >&2; return 1; }
  cd -P -- "$1" && folder=$(pwd -P) || return 1
  [ "$1" = "$folder" ] || plumb_trusts "$1" "$folder" "$(stat -c %u .)" || { echo "$1 leads to $folder, by a link of a user whom that does not belong to: it was not followed" >&2; return 1; }
}
plumb_make() {
  cd / && rest=\${1#/} && at= || return 1
  while [ -n "$rest" ]; do
    part=\${rest%%/*}; case $rest in */*) rest=\${rest#*/};; *) rest=;; esac
    [ -n "$part" ] || continue
    at=$at/$part
    [ -d "./$part" ] || mkdir -- "./$part" || return 1
    plumb_enter "$at" || return 1
  done
}
plumb_work() {
  noted=; if [ -O /var/lib/plumb ]; then noted=/var/lib/plumb/writing; printf '%s\\n' "$folder" >> "$noted"; fi 2>/dev/null || :
  work=$(mktemp -d ./.plumb-write.XXXXXXXX) && work=\${work#./} || return 1
  cd -P -- "./$work" && [ "$(pwd -P)" = "\${folder%/}/$work" ] && [ -O . ] || { echo "\${folder%/}/$work was swapped by somebody" >&2; return 1; }
  trap 'cd .. && rm -rf -- "./$work"; [ -z "$noted" ] || : > "$noted"' EXIT
  trap 'exit 1' HUP INT TERM
}
plumb_before() {
  owner=; mode=
  before=$(stat -c %u:%g:%a:%F -- "../$1" 2>/dev/null) || return 0
  case $before in 0:*:"symbolic link"|"$(id -u)":*:"symbolic link") before=$(stat -L -c %u:%g:%a:%F -- "../$1" 2>/dev/null) || return 0;; esac
  case $before in *:regular*) before=\${before%:*}; mode=\${before##*:}; owner=\${before%:*};; *) return 0;; esac
  [ -O .. ] || case $mode in ????*) mode=\${mode#"\${mode%???}"};; esac
}
plumb_backup() {
  if [ -f "../$1" ]; then cp -pP -- "../$1" backup && mv -fT -- backup "../$1.$(date +%Y-%m-%dT%H:%M:%S)~"; fi
}
plumb_same() { [ "$(stat -c %d:%i -- "$1")" = "$(stat -L -c %d:%i /proc/self/fd/8)" ]; }
plumb_set() {
  if [ -L "$3" ]; then
    [ -z "$1" ] || chown -h -- "$1" "$3" || return 1
    [ -z "$2" ] || case $(stat -c %F:%u -- "$3") in "symbolic link:0"|"symbolic link:$(id -u)") chmod -- "$2" "$3";; *) echo "$3 is a link of somebody else: its mode is not set" >&2; return 1;; esac
  elif [ -f "$3" ] || [ -d "$3" ]; then
    if [ ! -r "$3" ] && [ -O "$3" ]; then
      [ -z "$1" ] || chown -h -- "$1" "$3" || return 1
      [ -z "$2" ] || chmod -- "$2" "$3"; return
    fi
    {
      plumb_same "$3" || { echo "$3 was swapped by somebody" >&2; return 1; }
      [ -z "$1" ] || chown -- "$1" /proc/self/fd/8 || return 1
      [ -z "$2" ] || chmod -- "$2" /proc/self/fd/8
    } 8< "$3"
  else
    [ -z "$1" ] || chown -h -- "$1" "$3" || return 1
    [ -z "$2" ] || chmod -- "$2" "$3"
  fi
}`);

/** Shell text that sets `target`, goes to the folder in which it is, and sets `name` to what it is called there, with `./` in front. */
export function enterFolderOf(path: string): ShellText {
  return shellLines(SAFE_FOLDER, goToFolderOf(path));
}

/** The same where the functions are there already. */
export function goToFolderOf(path: string): ShellText {
  const bare = path.replace(/(.)\/+$/, "$1");
  const at = bare.lastIndexOf("/");
  return shellLines(
    sh`target=${bare}; name=./${bare.slice(at + 1) || "."}`,
    sh`plumb_enter ${bare.slice(0, at) || "/"} || exit 1`,
  );
}

/** Makes a folder, and those above it, where they are not there, and goes to the one in which it is, as `goToFolderOf` does. */
export function makeFolder(path: string): ShellText {
  return shellLines(sh`plumb_make ${path} || exit 1`, goToFolderOf(path));
}
