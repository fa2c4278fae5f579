import type { ShellText } from "../shell/shell-text.ts";

/**
 * Something on a host that the steps of a change may replace. Its former state is kept there before they run (docs/undo.md); what was not there before is
 * remembered as made by Plumb.
 */
export type Subject =
  /** A file, a link, or owner and mode of a directory; with `tree`, everything below it too. */
  | { kind: "path"; path: string; tree?: boolean; secret?: boolean }
  /** Whether a unit of systemd runs, and whether it is enabled. */
  | { kind: "unit"; name: string }
  /** Which packages are installed, in which versions. */
  | { kind: "packages" }
  | { kind: "nftables-table"; family: string; name: string }
  /** A setting of the kernel. */
  | { kind: "sysctl"; name: string }
  | { kind: "user"; name: string }
  | { kind: "group"; name: string }
  /** What makes restored files count: a reload. Done once, after everything else is restored; `$1` is when it was kept, in seconds since 1970. */
  | { kind: "again"; title: string; script: ShellText }
  /** What nobody can take back. */
  | { kind: "lost"; what: string };

/** The subject's name among those of its kind. */
export function subjectKey(subject: Subject): string {
  switch (subject.kind) {
    case "path":
      return subject.path;
    case "packages":
      return "packages";
    case "nftables-table":
      return `${subject.family} ${subject.name}`;
    case "again":
      return subject.title;
    case "lost":
      return subject.what;
    default:
      return subject.name;
  }
}

/** Files, links, or owners and modes of directories. */
export function pathsTouched(...paths: readonly string[]): Subject[] {
  return paths.map((path) => ({ kind: "path", path }));
}
