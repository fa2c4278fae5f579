import { quote, rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";

/**
 * What Plumb keeps on a host: `/var/lib/plumb` (0700), or `~/.local/state/plumb` for a user who never becomes root (shell/state-directory.ts).
 *
 *     lock                who is working here: host-lock.ts
 *     lock.guard          flock(1) on it makes taking the lock atomic
 *     pending-handlers    handlers that were notified and have not run yet, one a line; of the machine that Plumb runs on `pending-handlers@NAME`, and so
 *                         `transaction@NAME`, because several names of an inventory may stand for it
 *     writing             folders in which files are being replaced
 *     transaction         the block with `transaction: true` that is under way
 *     undo/, made         what runs have replaced and made: keep-script.ts
 */

/** What the names of the files end in that belong to one name of a host. */
export const fileSuffix = (name: string, isLocal: boolean): string =>
  isLocal ? `@${encodeURIComponent(name)}` : "";

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
export function transactionScript(open: OpenTransaction | undefined, suffix: string): ShellText {
  const file = sh`file="$state/transaction"${suffix}`;
  if (open === undefined) return shellLines(STATE_DIRECTORY, file, rawShell('rm -f -- "$file"'));
  const { runId, session, since, pending } = open;
  return shellLines(
    rawShell("set -eu; umask 077"),
    STATE_DIRECTORY,
    file,
    sh`printf '%s\\n' ${`${runId} ${session} ${since} ${pending}`} > "$file.new"`,
    rawShell('sync -- "$file.new"; mv -f -- "$file.new" "$file"'),
  );
}

/** What `transactionScript` wrote, as the lock script prints it; undefined when it can't be read. */
export function readTransaction(line: string | undefined): OpenTransaction | undefined {
  const [runId, session, since, pending] = line?.slice(TRANSACTION_OPEN.length).split(" ") ?? [];
  if (runId === undefined || session === undefined || !/^\d+$/.test(`${since}${pending}`)) return undefined;
  return { runId, session, since: Number(since), pending: Number(pending) };
}

/** Remembers handlers before the step that notifies them runs: a run that dies in between still has them run next time. */
export function rememberHandlersScript(handlers: readonly string[], suffix: string): ShellText {
  return handlersScript(handlers, suffix, '[ ! -f "$file" ] || cat -- "$file"; ');
}

/** Replaces the list of handlers that are still to do. */
export function keepHandlersScript(handlers: readonly string[], suffix: string): ShellText {
  if (handlers.length === 0)
    return shellLines(STATE_DIRECTORY, handlersFile(suffix), rawShell('rm -f -- "$file"'));
  return handlersScript(handlers, suffix, "");
}

const handlersFile = (suffix: string): ShellText => sh`file="$state/pending-handlers"${suffix}`;

/** Where there is no room the list stays as it is: half a name would be taken for the beginning of the next one. */
function handlersScript(handlers: readonly string[], suffix: string, before: string): ShellText {
  const lines = handlers.map((handler) => quote(handler)).join(" ");
  return shellLines(
    rawShell("set -eu"),
    STATE_DIRECTORY,
    handlersFile(suffix),
    rawShell("umask 077"),
    rawShell(`{ ${before}printf '%s\\n' ${lines}; } > "$file.new"`),
    rawShell('sync -- "$file.new"'),
    rawShell('mv -f -- "$file.new" "$file"'),
  );
}
