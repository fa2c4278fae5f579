import { quote, rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";

/**
 * What Plumb keeps on a host: `/var/lib/plumb` (0700), or `~/.local/state/plumb` for a user who never becomes root (shell/state-directory.ts).
 *
 *     lock                who is working here: host-lock.ts
 *     lock.guard          flock(1) on it makes taking the lock atomic
 *     pending-handlers    handlers that were notified and have not run yet, one a line
 *     writing             folders in which files are being replaced
 *     transaction         the block with `transaction: true` that is under way
 *     undo/, made         what runs have replaced and made: keep-script.ts
 */

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
