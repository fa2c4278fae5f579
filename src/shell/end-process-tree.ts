import { rawShell, type ShellText, sh, shellLines } from "./shell-text.ts";

/**
 * Shell text that ends everything a process has started, but not the process itself: TERM, and KILL for what is left two seconds later. Children
 * are read from /proc (proc(5)), because a host need not have `ps`.
 */
export function endProcessTree(pid: number): ShellText {
  return shellLines(
    rawShell(
      'descendants() { for stat in /proc/[0-9]*/stat; do read -r line < "$stat" || continue; child=${line%% *}; rest=${line##*") "}; set -- "$1" $rest; if [ "$3" = "$1" ]; then ( descendants "$child" ); echo "$child"; fi; done 2>/dev/null; }',
    ),
    sh`for child in $(descendants ${pid}); do kill -TERM "$child" 2>/dev/null; done`,
    rawShell("for wait in 1 2 3 4 5 6 7 8 9 10; do"),
    sh`  [ -z "$(descendants ${pid})" ] && exit 0`,
    rawShell("  sleep 0.2"),
    rawShell("done"),
    sh`for child in $(descendants ${pid}); do kill -KILL "$child" 2>/dev/null; done`,
    rawShell("exit 0"),
  );
}
