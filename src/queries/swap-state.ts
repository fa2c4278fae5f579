import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** A swap area in a file. */
export interface SwapState {
  file: "absent" | "swap" | "other";
  sizeBytes: number;
  /** Four octal digits. */
  mode: string;
  /** The kernel uses it. */
  isActive: boolean;
  /** Of the kernel: negative where it chose one itself. */
  priority: number;
}

/** Swap areas by path: /proc/swaps once, and blkid(8) a file (util-linux 2.38). */
export const swapState = defineQuery<string, SwapState>({
  name: "swap-state",
  identify: (path) => path,
  script: (paths) => ({
    script: shellLines(
      rawShell("cat /proc/swaps || exit 1; echo"),
      sh`set -- ${[...paths]}`,
      rawShell(`for path; do
  if [ -f "$path" ]; then stat -L -c 'F %s %a' -- "$path"; echo "T $(blkid -p -o value -s TYPE -- "$path")"
  elif [ -e "$path" ]; then echo O; else echo A; fi; printf '\\f'
done`),
    ),
  }),
  parse: ({ stdout, stderr, exitCode }, paths) => {
    const text = stdout.toString();
    const end = text.indexOf("\n\n");
    if (exitCode !== 0 || end === -1) return paths.map(() => notKnown(stderr.trim() || "no answer"));
    const active = new Map(
      text
        .slice(0, end)
        .split("\n")
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .map(([path = "", , , , priority = ""]) => [path.replaceAll("\\040", " "), Number(priority)]),
    );
    const parts = text.slice(end + 2).split("\f");
    return paths.map((path, index) => {
      const part = parts[index] ?? "";
      const [, size, mode] = /^F (\d+) (\d+)$/m.exec(part) ?? [];
      const isActive = active.has(path);
      const priority = active.get(path) ?? 0;
      if (part.startsWith("A\n"))
        return known({ file: "absent", sizeBytes: 0, mode: "", isActive, priority });
      if (size === undefined || mode === undefined)
        return notKnown(part.startsWith("O\n") ? `${path} is no file` : stderr.trim() || "no answer");
      const file = /^T swap$/m.test(part) ? "swap" : "other";
      return known({ file, sizeBytes: Number(size), mode: mode.padStart(4, "0"), isActive, priority });
    });
  },
});
