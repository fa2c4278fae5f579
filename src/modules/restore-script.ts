import type { KeptThing } from "../queries/kept-state.ts";
import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";

/** What has to be restored, in the order in which it was replaced. */
export interface Restoration {
  run: string;
  things: readonly KeptThing[];
  again: readonly KeptThing[];
  lost: readonly string[];
}

/**
 * Shell text that restores what a run replaced. Units that were not up are stopped first, because their files may go; then packages and files come back, the newest
 * first; then units that were up are started, and what read the files does so again. What can't be restored does not keep the rest from it. Until all is done
 * the run is marked, so that an undoing that was interrupted is finished by the next one.
 */
export function restoreScript({ run, things, again }: Restoration, self: string): ShellText {
  const backwards = [...things].reverse();
  const units = backwards.filter(({ kind }) => kind === "unit");
  const of = (kind: string): KeptThing[] => backwards.filter((thing) => thing.kind === kind);
  const hasUnitFiles = things.some(({ kind, key }) => kind === "path" && key.includes("/systemd/"));
  return shellLines(
    STATE_DIRECTORY,
    sh`keep="$state/undo"/${run}; failed=0`,
    // Who asks again which run was the last one must get the same answer.
    sh`umask 077; mkdir -p -- "$state/undo"/${self} && echo ${run} > "$state/undo"/${self}/undoes || exit 1`,
    rawShell(': > "$keep/begun" && sync -- "$keep/begun" || exit 1; umask 022'),
    SAFE_FOLDER,
    rawShell(FUNCTIONS),
    ...units.map(({ key, before }) => sh`try ${`unit ${key}`} calm_unit ${key} ${before}`),
    ...of("packages").map(({ now }) => restorePackages(now)),
    ...backwards
      .filter(({ kind }) => ["path", "nftables-table", "sysctl", "group"].includes(kind))
      .map(
        ({ kind, key, before, number, info }) =>
          sh`try ${`${kind} ${key}`} ${functionFor(kind)} ${number} ${key} ${before} ${info.tree === true ? "tree" : "one"}`,
      ),
    ...of("user").map(
      ({ key, before, number }) => sh`try ${`user ${key}`} restore_user ${number} ${key} ${before}`,
    ),
    hasUnitFiles || units.length > 0 ? rawShell("systemctl daemon-reload || failed=1") : undefined,
    ...[...units].reverse().map(({ key, before }) => sh`try ${`unit ${key}`} rouse_unit ${key} ${before}`),
    ...again.map(({ key, before, info }) => sh`try ${key} /bin/sh -c ${info.script ?? ":"} sh ${before}`),
    rawShell('[ "$failed" = 0 ] || exit 1'),
    rawShell('rm -f -- "$keep/begun"'),
  );
}

function functionFor(kind: string): ShellText {
  return rawShell({ "nftables-table": "restore_table", path: "restore_path" }[kind] ?? `restore_${kind}`);
}

/** Removing is not purging: configuration and data of a package are not ours to delete. */
function restorePackages(now: string): ShellText | undefined {
  const words = now.split(" ").filter(Boolean);
  const wanted = words.filter((word) => word.startsWith("+")).map((word) => word.slice(1));
  const superfluous = words
    .filter((word) => word.startsWith("-") && word !== "-")
    .map((word) => `${word.slice(1)}-`);
  if (wanted.length + superfluous.length === 0) return undefined;
  return sh`try packages env DEBIAN_FRONTEND=noninteractive apt-get -q -y --allow-downgrades --allow-change-held-packages -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install ${wanted} ${superfluous}`;
}

const FUNCTIONS = `
try() {
  what=$1; shift
  said=$( ( "$@" ) 2>&1 </dev/null ) && return
  failed=1; printf '%s could not be restored: %s\\n' "$what" "$(printf '%s' "$said" | tail -n 2 | tr '\\n' ' ')" >&2
}
restore_path() {
  type=\${3%%:*}; rest=\${3#*:}; name=./\${2##*/}; above=\${2%/*}
  if [ "$type" = absent ]; then
    [ -d "$above" ] || return 0
    plumb_enter "\${above:-/}" || return 1
    if [ "$4" = tree ]; then rm -rf -- "$name"; elif [ -d "$name" ] && [ ! -L "$name" ]; then rmdir -- "$name"; else rm -f -- "$name"; fi; return
  fi
  was_owner=\${rest%:*}; was_mode=\${rest##*:}
  if [ "$type" = directory ]; then
    plumb_make "$2" && plumb_enter "\${above:-/}" && plumb_set "$was_owner" "$was_mode" "$name"; return
  fi
  plumb_make "$above" || return 1
  umask 077
  plumb_work || return 1
  cp -a -- "$keep/$1" content || return 1
  if [ "$type" = tree ]; then
    if [ -e "../$name" ]; then mv -T -- "../$name" replaced || return 1; fi
    mv -T -- content "../$name"; return
  fi
  if [ "$type" = file ]; then [ ! -L content ] && chown -- "$was_owner" content && chmod -- "$was_mode" content && sync -- content || return 1; fi
  mv -fT -- content "../$name" && sync -- ..
}
was() { case " $2 " in *" $1 "*) return 0;; *) return 1;; esac; }
is_up() { was ActiveState=active "$1" || was ActiveState=reloading "$1" || was ActiveState=activating "$1"; }
calm_unit() {
  now=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -- "$1" | tr '\\n' ' ')
  if ! is_up "$2" && is_up "$now"; then systemctl stop -- "$1" || return 1; fi
  if ! was UnitFileState=enabled "$2" && was UnitFileState=enabled "$now"; then systemctl -q disable -- "$1" || return 1; fi
  if ! was LoadState=masked "$2" && was LoadState=masked "$now"; then systemctl -q unmask -- "$1"; fi
}
rouse_unit() {
  now=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -- "$1" | tr '\\n' ' ')
  if was UnitFileState=enabled "$2" && ! was UnitFileState=enabled "$now"; then systemctl -q enable -- "$1" || return 1; fi
  if was LoadState=masked "$2" && ! was LoadState=masked "$now"; then systemctl -q mask -- "$1" || return 1; fi
  if is_up "$2" && ! is_up "$now"; then systemctl start -- "$1"; fi
}
restore_table() {
  if [ "$3" = absent ]; then nft delete table \${2%% *} "\${2#* }"; else nft -f "$keep/$1"; fi
}
restore_sysctl() {
  if [ "$2" = kernel.hostname ]; then hostname -- "$(cat -- "$keep/$1")"; return; fi
  cat -- "$keep/$1" > "/proc/sys/$(printf %s "$2" | tr . /)"
}
restore_group() {
  if [ "$3" = absent ]; then groupdel -- "$2"; return; fi
  IFS=: read -r name x gid members < "$keep/$1"
  if getent group -- "$2" >/dev/null; then groupmod -g "$gid" -- "$2"; else groupadd -g "$gid" -- "$2"; fi && gpasswd -M "$members" "$2"
}
restore_user() {
  if [ "$3" = absent ]; then userdel -- "$2"; return; fi
  { IFS=: read -r name x uid gid gecos home shell; IFS=: read -r name2 hash last min max warn inactive expire rest; read -r groups; } < "$keep/$1"
  more=; first=
  for one in $groups; do if [ -z "$first" ]; then first=$one; else more=\${more:+$more,}$one; fi; done
  getent group -- "$gid" >/dev/null || groupadd -g "$gid" -- "$2" || return 1
  if getent passwd -- "$2" >/dev/null; then program=usermod; else program='useradd -M'; fi
  $program -u "$uid" -g "$gid" -c "$gecos" -d "$home" -s "$shell" -G "$more" -- "$2" || return 1
  [ -z "$hash" ] || { printf '%s:%s\\n' "$2" "$hash" | chpasswd -e && chage -d "\${last:--1}" -m "\${min:--1}" -M "\${max:--1}" -W "\${warn:--1}" -I "\${inactive:--1}" -E "\${expire:--1}" -- "$2"; }
}`;
