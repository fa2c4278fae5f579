import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface MountQuestion {
  path: string;
  /** What should be mounted there, as in fstab(5); resolved to a device, so that UUID=… can be compared with what the kernel says. */
  src?: string;
}

export interface MountState {
  /** The uppermost file system that is mounted at the path. */
  live: LiveMount | undefined;
  /** Device that `src` stands for; undefined where nothing has such a label or number, and for what is no device (tmpfs). */
  device: string | undefined;
  /** Both are the same directory or file: a bind mount of `src` is in place. */
  isSame: boolean;
}

/** A line of mountinfo (proc_pid_mountinfo(5)). */
export interface LiveMount {
  source: string;
  fstype: string;
  options: ReadonlySet<string>;
}

/** What is mounted at any number of paths: one read of /proc/self/mountinfo; findfs(8) and losetup(8) of util-linux 2.38 only for what needs resolving. */
export const mountState = defineQuery<MountQuestion, MountState>({
  name: "mount-state",
  identify: ({ path, src }) => `${path}\0${src ?? ""}`,
  script: (questions) => ({
    script: shellLines(
      rawShell("cat /proc/self/mountinfo || exit 1; echo"),
      sh`set -- ${questions.flatMap(({ path, src }) => [path, src ?? ""])}`,
      rawShell(`while [ $# -gt 0 ]; do
  device=
  case $2 in
    UUID=*|LABEL=*|PARTUUID=*|PARTLABEL=*) device=$(findfs "$2" 2>/dev/null);;
    /*) if [ -f "$2" ]; then device=$(losetup -n -O NAME -j "$2" 2>/dev/null | tail -n 1); else device=$(readlink -f -- "$2"); fi;;
  esac
  if [ -n "$2" ] && [ "$1" -ef "$2" ]; then same=S; else same=D; fi
  printf '%s %s\\n' "$same" "$device"
  shift 2
done`),
    ),
  }),
  parse: ({ stdout, stderr, exitCode }, questions) => {
    const [mounts = "", rest = ""] = stdout.toString().split(/\n\n/);
    const lines = rest.split("\n");
    if (exitCode !== 0 || !mounts.includes(" - "))
      return questions.map(() => notKnown(stderr.trim() || "/proc/self/mountinfo says nothing"));
    const live = liveMounts(mounts);
    return questions.map(({ path }, index) => {
      const found = /^([SD]) (.*)$/.exec(lines[index] ?? "");
      if (found === null) return notKnown(stderr.trim() || "no answer");
      const device = found[2] ?? "";
      return known({
        live: live.get(path),
        device: device === "" ? undefined : device,
        isSame: found[1] === "S",
      });
    });
  },
});

/** A later line for the same path lies over the earlier one. */
function liveMounts(text: string): Map<string, LiveMount> {
  const mounts = new Map<string, LiveMount>();
  for (const line of text.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , , path, options = ""] = left.split(" ");
    const [fstype = "", source = "", superOptions = ""] = right.split(" ");
    if (path === undefined) continue;
    mounts.set(unescaped(path), {
      source: unescaped(source),
      fstype,
      options: new Set([...superOptions.split(","), ...options.split(",")]),
    });
  }
  return mounts;
}

/** Blanks and backslashes stand as octal numbers, in fstab as well. */
export function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
