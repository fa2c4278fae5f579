import { rawShell, type ShellText, shellLines } from "./shell-text.ts";

/** Shell text that sets `user_id` as id(1) tells it, from proc(5): without a process. */
export const USER_ID: ShellText = rawShell(
  'while read -r key real user_id rest; do [ "$key" != Uid: ] || break; done < /proc/self/status',
);

/** Shell text that sets `state` to where Plumb keeps what it must remember on a host: root's, or that of a user who never becomes root. */
export const STATE_DIRECTORY: ShellText = shellLines(
  USER_ID,
  rawShell(
    'if [ "$user_id" = 0 ]; then state=/var/lib/plumb; else state="${XDG_STATE_HOME:-$HOME/.local/state}/plumb"; fi',
  ),
);
