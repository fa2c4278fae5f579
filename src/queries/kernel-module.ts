import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** `unsupported`: this kernel loads no modules, and does not have it built in. `unknown`: there is no such module for this kernel. */
export type KernelModuleState = "loaded" | "built-in" | "loadable" | "unknown" | "unsupported";

/** Kernel modules by name. modprobe(8) is asked (a dry run, kmod 30) only about those that are neither loaded nor built in. */
export const kernelModule = defineQuery<string, KernelModuleState>({
  name: "kernel-module",
  identify: (name) => name,
  script: (names) => ({
    script: shellLines(
      sh`set -- ${[...names]}`,
      rawShell(`list=/lib/modules/$(uname -r)/modules.builtin
for name; do
  under=$(printf '%s' "$name" | tr - _)
  pattern=$(printf '%s' "$under" | sed 's/_/[-_]/g')
  if [ -e /proc/modules ] && grep -q "^$under " /proc/modules; then echo loaded
  elif [ -r "$list" ] && grep -Eq "/$pattern\\.ko" "$list"; then echo built-in
  elif [ -d "/sys/module/$under" ]; then echo built-in
  elif [ ! -e /proc/modules ]; then echo unsupported
  elif ! command -v modprobe >/dev/null; then echo no-modprobe
  elif modprobe --dry-run --quiet -- "$name" >/dev/null 2>&1; then echo loadable
  else echo unknown; fi
done`),
    ),
  }),
  parse: ({ stdout, stderr }, names) => {
    const lines = stdout.toString().split("\n");
    return names.map((_, index) => {
      const word = lines[index];
      if (word === "no-modprobe") return notKnown("the host has no modprobe (package kmod)");
      const state = STATES.find((one) => one === word);
      return state === undefined ? notKnown(stderr.trim() || "no answer") : known(state);
    });
  },
});

const STATES: readonly KernelModuleState[] = ["loaded", "built-in", "loadable", "unknown", "unsupported"];
