import { quote, rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";

/**
 * What Plumb keeps on a host: `/var/lib/plumb` (0700), or `~/.local/state/plumb` for a user who never becomes root (shell/state-directory.ts).
 *
 *     lock                who is working here (see below)
 *     lock.guard          flock(1) on it makes taking the lock atomic
 *     pending-handlers    handlers that were notified and have not run yet, one a line
 *     writing             folders in which files are being replaced
 *     transaction         the block with `transaction: true` that is under way
 *     undo/, made         what runs have replaced and made: keep-script.ts
 *
 * The lock is one line: pid and start time of the shell that holds it, the same of the process at the host's end of the connection (sshd's), the process on the controller, and
 * who that is in words. It is free when its shell is gone. Nothing has to be released, nothing is guessed from its age. When the connection is gone and the shell is not,
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
  /** A controller that is known to be dead, though its connection seems to live: the link was cut. */
  deadController: string | undefined;
}

/** Exit code of the lock script when somebody else holds the lock (sysexits.h EX_TEMPFAIL). stderr: `CONTROLLER CONNECTION OWNER`. */
export const LOCK_HELD = 75;
/** Exit code when what a dead run has left still runs after the time to wait. stderr, last line: `OWNER`. */
export const LOCK_LEFT = 76;
/** What the script says on stderr while it waits: this, the owner, and after a tab what is running. */
export const LOCK_WAITS = "plumb-waits ";

/** Before what the lock script prints of a transaction that is open. */
export const TRANSACTION_OPEN = "\tplumb-transaction ";

/** A block with `transaction: true` that has begun on a host. */
export interface OpenTransaction {
  runId: string;
  session: string;
  /** The number of the last thing that was kept before it. */
  since: number;
  /** So many handlers were to be done before it. */
  pending: number;
}

/** Remembers on the host that a transaction is open, before anything is done in it; undefined: that it is over. */
export function transactionScript(open: OpenTransaction | undefined): ShellText {
  if (open === undefined) return shellLines(STATE_DIRECTORY, rawShell('rm -f -- "$state/transaction"'));
  const { runId, session, since, pending } = open;
  return shellLines(
    rawShell("set -eu; umask 077"),
    STATE_DIRECTORY,
    sh`printf '%s\\n' ${`${runId} ${session} ${since} ${pending}`} > "$state/transaction.new"`,
    rawShell('sync -- "$state/transaction.new"; mv -f -- "$state/transaction.new" "$state/transaction"'),
  );
}

/** What `transactionScript` wrote, as the lock script prints it; undefined when it can't be read. */
export function readTransaction(line: string | undefined): OpenTransaction | undefined {
  const [runId, session, since, pending] = line?.slice(TRANSACTION_OPEN.length).split(" ") ?? [];
  if (runId === undefined || session === undefined || !/^\d+$/.test(`${since}${pending}`)) return undefined;
  return { runId, session, since: Number(since), pending: Number(pending) };
}

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
    sh`self=${description}; controller=${owner.controller}; dead=${terms.deadController ?? "none"}; end=${terms.takeOver ? "yes" : "no"}; left=${terms.waitSeconds * 5}`,
    rawShell(LOCK_LOOP),
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
    rawShell('if [ -f "$state/pending-handlers" ]; then cat -- "$state/pending-handlers"; fi'),
    rawShell(
      `if [ -f "$state/transaction" ]; then read -r open < "$state/transaction"; printf '${TRANSACTION_OPEN}%s\\n' "$open"; fi`,
    ),
  );
}

/**
 * The 22nd field of /proc/PID/stat is the process's start time (proc(5)); with the pid it names one process for good. The second field is the command's name in parentheses and
 * may hold blanks, so it is cut off first. Between this shell and the host's end of the connection are only sudo, su and shells.
 */
const LOCK_LOOP = `
fields() { read -r stat < "/proc/$1/stat" || return 1; name=\${stat#*"("}; name=\${name%")"*}; set -- \${stat##*") "}; parent=$2; start=\${20}; } 2>/dev/null
alive() { [ "$1" != - ] && fields "$1" && [ "$start" = "$2" ]; }
children() { for file in /proc/[0-9]*/stat; do one=\${file#/proc/}; one=\${one%/stat}; if fields "$one" && [ "$parent" = "$1" ]; then echo "$one"; fi; done; }
below() { for child in $(children "$1"); do echo "$child"; ( below "$child" ); done; }
connection=$$
while fields "$connection"; do
  case $connection:$name in $$:*|*:sh|*:dash|*:bash|*:sudo|*:su|*:runuser) connection=$parent;; *) break;; esac
  if [ "$connection" -le 1 ]; then connection=-; break; fi
done
waited=no; drains=
while :; do
  exec 8>>"$state/lock.guard" || exit 1
  flock -w 10 8 || { echo "could not get $state/lock.guard within 10 s" >&2; exit 1; }
  [ -s "$state/lock" ] || break
  read -r pid since their_connection their_start their_controller holder < "$state/lock"
  [ "$pid" != $$ ] && alive "$pid" "$since" || break
  if alive "$their_connection" "$their_start" || [ "$their_connection" = - ]; then
    # A connection of this very run was lost, or its controller is dead: nobody is at the other end.
    if [ "$holder" != "$self" ] && [ "$their_controller" != "$dead" ]; then
      printf '%s %s %s\\n' "$their_controller" "$their_connection" "$holder" >&2; exit ${LOCK_HELD}
    fi
    if [ "$their_connection" = - ]; then kill -HUP "$pid"; elif [ "$their_connection" != "$connection" ]; then kill -TERM "$their_connection"; fi
  fi
  if [ $waited = no ]; then
    running=$(for one in $(below "$pid"); do [ -z "$(children "$one")" ] || continue; tr '\\0\\n\\t' '   ' < "/proc/$one/cmdline"; printf '; '; done 2>/dev/null)
    if [ -n "$running" ]; then
      waited=yes
      # What it writes nobody reads any more, and a pipe that is full would hold it up for ever.
      for fd in 1 2; do cat < "/proc/$pid/fd/$fd" > /dev/null 2>&1 8>&- & drains="$drains $!"; done
      # The blanks push it out: the end of what was written is held back until it can't be the end of the frame.
      [ $end = yes ] || printf '${LOCK_WAITS}%s\\t%s\\n%80s\\n' "$holder" "$(printf %.300s "$running")" '' >&2
    fi
  fi
  if [ $end = yes ]; then
    all="$(below "$pid") $pid"
    kill -TERM $all 2>/dev/null
    [ "$left" -gt 10 ] || kill -KILL $all 2>/dev/null
    [ "$left" -le 50 ] || left=25
  fi
  exec 8>&-
  left=$((left - 1))
  if [ "$left" -le 0 ]; then printf '%s\\n' "$holder" >&2; exit ${LOCK_LEFT}; fi
  sleep 0.2
done
[ -z "$drains" ] || kill $drains 2>/dev/null
:`;

/** Remembers handlers before the step that notifies them runs: a run that dies in between still has them run next time. */
export function rememberHandlersScript(handlers: readonly string[]): ShellText {
  return handlersScript(handlers, '[ ! -f "$state/pending-handlers" ] || cat -- "$state/pending-handlers"; ');
}

/** Replaces the list of handlers that are still to do. */
export function keepHandlersScript(handlers: readonly string[]): ShellText {
  if (handlers.length === 0) {
    return shellLines(STATE_DIRECTORY, rawShell('rm -f -- "$state/pending-handlers"'));
  }
  return handlersScript(handlers, "");
}

/** Where there is no room the list stays as it is: half a name would be taken for the beginning of the next one. */
function handlersScript(handlers: readonly string[], before: string): ShellText {
  const lines = handlers.map((handler) => quote(handler)).join(" ");
  return shellLines(
    rawShell("set -eu"),
    STATE_DIRECTORY,
    rawShell("umask 077"),
    rawShell(`{ ${before}printf '%s\\n' ${lines}; } > "$state/pending-handlers.new"`),
    rawShell('sync -- "$state/pending-handlers.new"'),
    rawShell('mv -f -- "$state/pending-handlers.new" "$state/pending-handlers"'),
  );
}
