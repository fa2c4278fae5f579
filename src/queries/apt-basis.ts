import { rawShell } from "../shell/shell-text.ts";

/** Shell text that prints the same as long as apt would choose the same versions: its sources, preferences, settings and lists, by name, size and time. */
export const APT_BASIS = rawShell(
  "stat -c '%n %s %y' /etc/apt /etc/apt/* /etc/apt/*.d/* /var/lib/apt/lists/*_* 2>/dev/null; dpkg --print-foreign-architectures; :",
);
