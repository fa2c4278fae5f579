import { rawShell, type ShellText, shellLines } from "./shell-text.ts";

/** Shell text that sets `user_id` as id(1) tells it, from proc(5): without a process. */
export const USER_ID: ShellText = rawShell(
  'while read -r key real user_id rest; do [ "$key" != Uid: ] || break; done < /proc/self/status',
);

/**
 * Shell text that sets `state` to where Plumb keeps what it must remember on a host: root's, or that of a user who never becomes root. That lies in the user's home; of one who can't write there,
 * as www-data or nobody, in /var/tmp, and must be that user's own. For who only reads: nothing is made.
 */
export const STATE_TO_READ: ShellText = stateText('[ ! -e "$state" ] && [ ! -L "$state" ] || ');

/** The same for who writes: in /var/tmp, where anybody may make a folder of any name, it is made before anything is put into it. */
export const STATE_DIRECTORY: ShellText = stateText('(umask 077; mkdir -- "$state" 2>/dev/null) || ');

function stateText(make: string): ShellText {
  return shellLines(
    USER_ID,
    rawShell(`if [ "$user_id" = 0 ]; then state=/var/lib/plumb; else
  state=\${XDG_STATE_HOME:-$HOME/.local/state}/plumb; above=$state
  while [ ! -e "$above" ] && [ -n "$above" ]; do above=\${above%/*}; done
  if [ ! -w "\${above:-/}" ]; then
    state=/var/tmp/plumb-$user_id
    ${make}{ [ -O "$state" ] && [ ! -L "$state" ]; } || { echo "$state is somebody else's: Plumb does not use it" >&2; exit 1; }
  fi
fi`),
  );
}
