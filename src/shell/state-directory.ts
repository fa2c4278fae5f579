import { rawShell } from "./shell-text.ts";

/** Shell text that sets `state` to where Plumb keeps what it must remember on a host: root's, or that of a user who never becomes root. */
export const STATE_DIRECTORY = rawShell(
  'if [ "$(id -u)" = 0 ]; then state=/var/lib/plumb; else state="${XDG_STATE_HOME:-$HOME/.local/state}/plumb"; fi',
);
