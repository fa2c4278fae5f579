import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";
import { TRANSACTION_OPEN } from "./host-state.ts";

/**
 * The lock of a host: `lock` in Plumb's state directory.
 *
 * Its first line: pid and start time of the shell that holds it, the same of the process at the host's end of the connection (sshd's), the process on the controller, and
 * who that is in words. Further lines: pid and start time of the run's other shells there, those of other users, from before the first of them changes anything; and `slow N`,
 * where what is under way is N things that take their time. It is free when all these shells are gone. Nothing has to be released, nothing is guessed from its age. When the connection is gone and a shell is not,
 * the command that was under way goes on, and is waited for: it may be an installation, which nobody wants half done.
 */

/** Whose lock it is; shown to whoever finds the host locked. */
export interface LockOwner {
  runId: string;
  /** `user@controller`. */
  who: string;
  since: string;
  /** The process on the controller, as `fleet/controller-process.ts` names it. */
  controller: string;
}

/** What is done when the lock is held. */
export interface LockTerms {
  /** Check mode leaves a host that has no state directory without one. */
  createState: boolean;
  /** How long a command may go on that a dead run has left. */
  waitSeconds: number;
  /** It is ended instead. */
  takeOver: boolean;
  /** What the names of the files end in that belong to this name of the host (`host-state.ts`). */
  suffix: string;
  /** A controller that is known to be dead, though its connection seems to live: the link was cut. */
  deadController: string | undefined;
}

/** Exit code of the lock script when somebody else holds the lock (sysexits.h EX_TEMPFAIL). stderr: `CONTROLLER CONNECTION OWNER`. */
export const LOCK_HELD = 75;
/** Exit code when what a dead run has left still runs after the time to wait. stderr, last line: `SECONDS OWNER`. */
export const LOCK_LEFT = 76;
/** What the script says on stderr while it waits: this, the owner, and after a tab what is running. */
export const LOCK_WAITS = "plumb-waits ";

/** So many things that take their time (packages, services) are under way in one trip at most. */
export const MOST_SLOW = 5;

/**
 * Takes the lock of the host for the shell that runs this, and prints the handlers an earlier run left to do, one a line.
 */
export function lockScript(owner: LockOwner, hostName: string, terms: LockTerms): ShellText {
  const description = `${owner.runId} by ${owner.who} since ${owner.since}, as ${hostName}`.replaceAll(
    "\n",
    " ",
  );
  return shellLines(
    STATE_DIRECTORY,
    terms.createState
      ? rawShell('[ -d "$state" ] || { umask 077; mkdir -p -- "$state"; } || exit 1')
      : rawShell('[ -d "$state" ] || exit 0'),
    sh`self=${description}; controller=${owner.controller}; dead=${terms.deadController ?? "none"}; end=${terms.takeOver ? "yes" : "no"}; seconds=${terms.waitSeconds}`,
    rawShell(LOCK_LOOP),
    // Another name of this machine has taken it for the same shell, and goes on with it.
    rawShell('if [ "$mine" = no ]; then'),
    rawShell(
      'fields $$; since=$start; if fields "$connection"; then their_start=$start; else their_start=-; fi',
    ),
    rawShell(
      `printf '%s %s %s %s %s %s\\n' $$ "$since" "$connection" "$their_start" "$controller" "$self" > "$state/lock" || exit 1`,
    ),
    // What a run left that died while it wrote one of these.
    rawShell('for half in "$state"/*.new; do [ ! -f "$half" ] || rm -f -- "$half"; done'),
    // And beside files that were in their place when the power failed (shell/safe-folder.ts).
    terms.createState
      ? rawShell(
          'if [ -s "$state/writing" ]; then while IFS= read -r folder; do rm -rf -- "$folder"/.plumb-write.*; done < "$state/writing"; rm -f -- "$state/writing"; fi',
        )
      : undefined,
    rawShell("fi"),
    sh`handlers="$state/pending-handlers"${terms.suffix}; transaction="$state/transaction"${terms.suffix}`,
    rawShell('if [ -f "$handlers" ]; then cat -- "$handlers"; fi'),
    rawShell(
      `if [ -f "$transaction" ]; then read -r open < "$transaction"; printf '${TRANSACTION_OPEN}%s\\n' "$open"; fi`,
    ),
  );
}

/**
 * The 22nd field of /proc/PID/stat is the process's start time (proc(5)); with the pid it names one process for good. The second field is the command's name in parentheses and
 * may hold blanks, so it is cut off first. Between this shell and the host's end of the connection are only sudo, su and shells.
 */
const PROCESSES = `
fields() { read -r stat < "/proc/$1/stat" || return 1; name=\${stat#*"("}; name=\${name%")"*}; set -- \${stat##*") "}; parent=$2; start=\${20}; } 2>/dev/null`;

const LOCK_LOOP = `${PROCESSES}
alive() { [ "$1" != - ] && fields "$1" && [ "$start" = "$2" ]; }
children() { for file in /proc/[0-9]*/stat; do one=\${file#/proc/}; one=\${one%/stat}; if fields "$one" && [ "$parent" = "$1" ]; then echo "$one"; fi; done; }
below() { for above in "$@"; do for child in $(children "$above"); do echo "$child"; ( below "$child" ); done; done; }
connection=$$
while fields "$connection"; do
  case $connection:$name in $$:*|*:sh|*:dash|*:bash|*:sudo|*:su|*:runuser) connection=$parent;; *) break;; esac
  if [ "$connection" -le 1 ]; then connection=-; break; fi
done
waited=no; mine=no; drains=; left=$((seconds * 5))
while :; do
  exec 8>>"$state/lock.guard" || exit 1
  flock -w 10 8 || { echo "could not get $state/lock.guard within 10 s" >&2; exit 1; }
  [ -s "$state/lock" ] || break
  read -r pid since their_connection their_start their_controller holder < "$state/lock"
  if [ "$pid" = $$ ]; then
    # This very shell, for this very run: a shell may serve several runs, and a number several shells.
    if [ "\${holder%% *}" = "\${self%% *}" ] && fields $$ && [ "$start" = "$since" ]; then mine=yes; fi
    break
  fi
  shells=; slow=1
  while read -r one one_start rest; do
    case $one in slow) slow=$one_start;; *) ! alive "$one" "$one_start" || shells="$shells $one";; esac
  done < "$state/lock"
  [ -n "$shells" ] || break
  if alive "$their_connection" "$their_start" || [ "$their_connection" = - ]; then
    # A connection of this very run was lost, or its controller is dead: nobody is at the other end.
    if [ "$holder" != "$self" ] && [ "$their_controller" != "$dead" ]; then
      printf '%s %s %s\\n' "$their_controller" "$their_connection" "$holder" >&2; exit ${LOCK_HELD}
    fi
    if [ "$their_connection" = - ]; then kill -HUP $shells; elif [ "$their_connection" != "$connection" ]; then kill -TERM "$their_connection"; fi
  fi
  if [ $waited = no ]; then
    running=$(for one in $(below $shells); do [ -z "$(children "$one")" ] || continue; tr '\\0\\n\\t' '   ' < "/proc/$one/cmdline"; printf '; '; done 2>/dev/null)
    if [ -n "$running" ]; then
      waited=yes; seconds=$((seconds * slow)); left=$((left * slow))
      # What it writes nobody reads any more, and a pipe that is full would hold it up for ever.
      for shell in $shells; do
        for fd in 1 2; do cat < "/proc/$shell/fd/$fd" > /dev/null 2>&1 8>&- & drains="$drains $!"; done
      done
      # The blanks push it out: the end of what was written is held back until it can't be the end of the frame.
      [ $end = yes ] || printf '${LOCK_WAITS}%s\\t%s\\n%80s\\n' "$holder" "$(printf %.300s "$running")" '' >&2
    fi
  fi
  if [ $end = yes ]; then
    all="$(below $shells) $shells"
    kill -TERM $all 2>/dev/null
    [ "$left" -gt 10 ] || kill -KILL $all 2>/dev/null
    [ "$left" -le 50 ] || left=25
  fi
  exec 8>&-
  left=$((left - 1))
  if [ "$left" -le 0 ]; then printf '%s %s\\n' "$seconds" "$holder" >&2; exit ${LOCK_LEFT}; fi
  sleep 0.2
done
[ -z "$drains" ] || kill $drains 2>/dev/null
:`;

/**
 * Says of the lock that the shell that runs this holds what else it is for.
 *
 * @param pid another shell of the run on this host: it has to come from the same connection, because its pid is what another user's shell has said.
 * @param slow so many things that take their time are about to begin in one trip.
 */
export function alsoHeldScript(pid: number | undefined, slow: number): ShellText {
  return shellLines(
    STATE_DIRECTORY,
    // In check mode a host may have no place for it.
    rawShell('[ -s "$state/lock" ] || exit 0'),
    rawShell(PROCESSES),
    rawShell('read -r owner since connection rest < "$state/lock"; [ "$owner" = $$ ] || exit 1'),
    pid === undefined
      ? undefined
      : shellLines(
          sh`pid=${pid}; fields "$pid" || exit 1; since=$start; one=$pid`,
          rawShell(
            'if [ "$connection" != - ]; then until [ "$one" = "$connection" ]; do fields "$one" && [ "$parent" -gt 1 ] || exit 1; one=$parent; done; fi',
          ),
          rawShell(`printf '%s %s\\n' "$pid" "$since" >> "$state/lock" || exit 1`),
        ),
    sh`printf 'slow %s\\n' ${slow} >> "$state/lock"`,
  );
}
