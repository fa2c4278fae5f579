import { rawShell, type ShellText } from "./shell-text.ts";

/**
 * Stands in Plumb's state directory from the begin of an installation until it has come to its end, or has left nothing half done: a package of somebody else's that has been broken for long is none of
 * Plumb's business, one that Plumb's own installation has left unconfigured (a full disk, a power failure) is.
 */
export const APT_UNFINISHED = "/var/lib/plumb/apt-unfinished";

/** What dpkg(1) calls a package that it has not come to the end with. */
export const HALF_DONE = [
  "half-installed",
  "unpacked",
  "half-configured",
  "triggers-awaited",
  "triggers-pending",
] as const;

/** Shell text that succeeds where any package of the host is half done. */
export const ANY_HALF_DONE: ShellText = rawShell(
  `dpkg-query -W -f='\${db:Status-Status}\\n' 2>/dev/null | grep -qxE '${HALF_DONE.join("|")}'`,
);
