import { rawShell, type ShellText, shellLines } from "../shell/shell-text.ts";

/**
 * Refreshes apt's package lists: four tries, and an error when a list could not be had.
 *
 * The tries are ours: apt 2.6 (Debian 12) was seen to wait for ever after a mirror's error, with its own retries on (Acquire::Retries, apt.conf(5)). Left to itself
 * it also ends with 0 when a list could not be fetched, and what is installed next is then an old version or "not found" (--error-on, apt-get(8)).
 */
export const updateAptLists: ShellText = shellLines(
  rawShell("plumb_try=1"),
  rawShell(
    "until timeout 600 apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=0 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 --error-on=any update; do",
  ),
  rawShell('  [ "$plumb_try" -lt 4 ] || exit 100'),
  rawShell('  sleep "$((plumb_try * 2))"'),
  rawShell("  plumb_try=$((plumb_try + 1))"),
  rawShell("done"),
  rawShell("mkdir -p /var/lib/apt/periodic && touch /var/lib/apt/periodic/update-success-stamp"),
);
