import { quote, rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";

/**
 * What Plumb keeps on a host: `/var/lib/plumb` (0700), or `~/.local/state/plumb` for a user who never becomes root.
 *
 *     lock                who is working here: pid and start time of the shell that holds it, run, person, since when
 *     lock.guard          flock(1) on it makes taking the lock atomic
 *     pending-handlers    handlers that were notified and have not run yet, one a line
 *
 * The lock belongs to the shell at the other end of the connection: when that process is gone, the lock is free. Nothing has to be released, nothing is
 * guessed from its age.
 */

/** Whose lock it is; shown to whoever finds the host locked. */
export interface LockOwner {
  runId: string;
  /** `user@controller`. */
  who: string;
  since: string;
}

/** Exit code of the lock script when somebody else holds the lock (sysexits.h EX_TEMPFAIL). */
export const LOCK_HELD = 75;

/**
 * Takes the lock of the host for the shell that runs this, and prints the handlers an earlier run left to do, one a line. With `createState` false (check
 * mode) a host that has no state directory is left without one.
 */
export function lockScript(owner: LockOwner, hostName: string, createState: boolean): ShellText {
  const description = `${owner.runId} by ${owner.who} since ${owner.since}, as ${hostName}`.replaceAll(
    "\n",
    " ",
  );
  return shellLines(
    STATE_DIRECTORY,
    createState
      ? rawShell('[ -d "$state" ] || { umask 077; mkdir -p -- "$state"; } || exit 1')
      : rawShell('[ -d "$state" ] || exit 0'),
    rawShell('exec 8>>"$state/lock.guard" || exit 1'),
    rawShell('flock -w 10 8 || { echo "could not get $state/lock.guard within 10 s" >&2; exit 1; }'),
    // The 22nd field of /proc/PID/stat is the process's start time (proc(5)); with the pid it names one process for good. The
    // second field is the command's name in parentheses and may hold blanks, so it is cut off first.
    rawShell(
      'started() { read -r stat < "/proc/$1/stat" || return 1; set -- ${stat##*") "}; echo "${20}"; } 2>/dev/null',
    ),
    // A shell of this very run, whose connection was lost, holds nothing against the one that takes its place.
    sh`self=${description}`,
    rawShell('if [ -s "$state/lock" ]; then'),
    rawShell('  read -r pid start holder < "$state/lock"'),
    rawShell('  if [ "$pid" != $$ ] && [ "$holder" != "$self" ] && [ "$(started "$pid")" = "$start" ]; then'),
    sh`    printf '%s\n' "$holder" >&2; exit ${LOCK_HELD}`,
    rawShell("  fi"),
    rawShell("fi"),
    sh`printf '%s %s %s\n' $$ "$(started $$)" "$self" > "$state/lock" || exit 1`,
    rawShell('if [ -f "$state/pending-handlers" ]; then cat -- "$state/pending-handlers"; fi'),
  );
}

/** Remembers handlers before the step that notifies them runs: a run that dies in between still has them run next time. */
export function rememberHandlersScript(handlers: readonly string[]): ShellText {
  const lines = handlers.map((handler) => `${quote(handler)}`).join(" ");
  return shellLines(
    rawShell("set -eu"),
    STATE_DIRECTORY,
    rawShell("umask 077"),
    rawShell(`printf '%s\\n' ${lines} >> "$state/pending-handlers"`),
    rawShell('sync -- "$state/pending-handlers"'),
  );
}

/** Replaces the list of handlers that are still to do. */
export function keepHandlersScript(handlers: readonly string[]): ShellText {
  if (handlers.length === 0) {
    return shellLines(STATE_DIRECTORY, rawShell('rm -f -- "$state/pending-handlers"'));
  }
  const lines = handlers.map((handler) => quote(handler)).join(" ");
  return shellLines(
    rawShell("set -eu"),
    STATE_DIRECTORY,
    rawShell("umask 077"),
    rawShell(`printf '%s\\n' ${lines} > "$state/pending-handlers.new"`),
    rawShell('sync -- "$state/pending-handlers.new"'),
    rawShell('mv -f -- "$state/pending-handlers.new" "$state/pending-handlers"'),
  );
}
