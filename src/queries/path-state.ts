import { TRUSTS } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

/** What is at a path. */
export type PathState =
  | {
      type: "absent";
      /** The directory that it would be in, where that is not there either. */
      missingFolder?: string;
      /** What is on the way to it, and no directory. */
      inTheWay?: string;
    }
  | {
      type: "file" | "directory" | "link" | "other";
      /** Four octal digits. */
      mode: string;
      owner: string;
      group: string;
      uid: number;
      gid: number;
      sizeBytes: number;
      /** Seconds since 1970: of the content, of the last read, of the entry itself. */
      modifiedSeconds: number;
      accessedSeconds: number;
      changedSeconds: number;
      inode: number;
      /** Number of the file system's device. */
      device: number;
      /** Hard links. */
      links: number;
      /** Where a link points, as it is written. */
      target?: string;
      /** Of a file (through a link), when it was asked for. */
      sha256?: string;
      /** Of a small file (through a link), when it was asked for. */
      content?: Buffer;
    };

export interface PathQuestion {
  path: string;
  sha256?: boolean;
  content?: boolean;
  /** What a link leads to, instead of the link; absent where it leads nowhere. */
  follow?: boolean;
}

/** What stat(1) is asked for, besides the name. */
const STAT_FIELDS = "\\0%F\\0%a\\0%U\\0%G\\0%u\\0%g\\0%s\\0%Y\\0%X\\0%Z\\0%i\\0%d\\0%h\\0";

/** Before the name of a path whose link was followed. */
const FOLLOWED = "followed:";

/** Larger files are compared by their hash and not shown. */
const LARGEST_SHOWN_BYTES = 256 * 1024;

/**
 * The content goes into texts that are shown, and into files that others may read. So the way to it must not be led by somebody to a file of somebody else, and it is asked
 * of the file that was opened, not of its name. `X`: it was.
 *
 * Files are opened a few at a time, because each process costs the host more than all that is done in it here: where every name leads to itself, as nearly all do, one look is enough for all.
 * And one grep(1) prints all of them: each piece that ends with NUL, or with the file, behind the file's name and a NUL. So nothing that is in a file can be taken for another.
 */
const SHOW = `show() {
  fds= names= n=3
  while [ $# -gt 0 ]; do
    if [ -f "$1" ] && eval "command exec $n< \\"\\$1\\"" 2>/dev/null; then fds="$fds /proc/self/fd/$n"; eval "name$n=\\$1"; names="$names$1
"; n=$((n + 1)); fi
    shift
  done
  [ -n "$fds" ] || return 0
  reals=$(readlink -- $fds; printf x)
  n=3 read=
  for about in $(stat -L -c %u:%s -- $fds); do
    eval "name=\\$name$n"; fd=$n; n=$((n + 1))
    [ "\${about#*:}" -le ${LARGEST_SHOWN_BYTES} ] || continue
    if [ "$reals" = "\${names}x" ] || { real=$(readlink -n /proc/self/fd/$fd; printf x); plumb_trusts "$name" "\${real%x}" "\${about%:*}"; }; then read="$read /proc/self/fd/$fd"; printf 'C\\0%s\\0/proc/self/fd/%s\\0%s\\0' "$name" "$fd" "\${about#*:}"
    else printf 'X\\0%s\\0%s\\0' "$name" "\${real%x}"; fi
  done
  printf 'R\\0'; [ -z "$read" ] || LC_ALL=C grep -azHZ '' -- $read 2>/dev/null; printf '\\0'
}`;

/** A shell has descriptors 3 to 9 for scripts. */
const SHOWN_AT_ONCE = 7;

const RESTLESS = ["modifiedSeconds", "accessedSeconds", "changedSeconds", "inode", "links"];

/**
 * What is at any number of paths: one stat(1), one sha256sum(1). Records are separated by NUL, so that a name can hold anything. A path counts as absent
 * only where the directories above it could be searched and it is not there.
 */
export const pathState = defineQuery<PathQuestion, PathState>({
  name: "path-state",
  // What matters of a file is its content, which is hashed where it does. Folders and logs are written to all the time.
  // The size of a directory is that of a list of names, which anybody's file makes longer (on tmpfs and btrfs at once).
  restless: ({ type }) => (type === "directory" ? [...RESTLESS, "sizeBytes"] : RESTLESS),
  paths: ({ path, follow }) => (follow === true ? undefined : [path]),
  identify: ({ path, sha256, content, follow }) =>
    `${path}\0${sha256 === true}\0${content === true}\0${follow === true}`,
  script: (questions) => ({ script: pathScript(questions) }),
  recheck: pathScript,
  parse: (output, questions) => {
    const found = parseRecords(output.stdout.toString("latin1").split("\0"));
    return questions.map(({ path, follow }): Answered<PathState> => {
      const answer = found.get(path);
      if (follow === true && answer?.known === true && answer.answer.type === "link")
        return throughLink(answer.answer, found.get(FOLLOWED + path));
      return answer ?? notKnown(`stat said nothing of ${path}: ${output.stderr.trim()}`);
    });
  },
});

function pathScript(questions: readonly PathQuestion[]): ShellText {
  const paths = [...new Set(questions.map(({ path }) => path))];
  const hashed = [...new Set(questions.filter(({ sha256 }) => sha256 === true).map(({ path }) => path))];
  const followed = [...new Set(questions.filter(({ follow }) => follow === true).map(({ path }) => path))];
  const shown = [...new Set(questions.filter(({ content }) => content === true).map(({ path }) => path))];
  return shellLines(
    sh`set -- ${paths}`,
    rawShell(`stat --printf 'S\\0%n${STAT_FIELDS}' -- "$@" 2>/dev/null`),
    rawShell("for path; do"),
    rawShell(`  if [ -L "$path" ]; then printf 'L\\0%s\\0' "$path"; readlink -n -- "$path"; printf '\\0'`),
    rawShell('  elif [ ! -e "$path" ]; then'),
    rawShell(
      '    above=$path; while [ ! -e "$above" ]; do case $above in */*) above=${above%/*};; *) above=; esac; [ -n "$above" ] || above=/; done',
    ),
    rawShell(
      `    if [ -d "$above" ] && [ ! -x "$above" ]; then printf 'U\\0%s\\0%s\\0' "$path" "$above"; elif [ -d "\${path%/*}/" ]; then printf 'A\\0%s\\0' "$path"; else [ ! -d "$above" ] || above=; printf 'N\\0%s\\0%s\\0' "$path" "$above"; fi`,
    ),
    rawShell("  fi"),
    rawShell("done"),
    ...(hashed.length === 0
      ? []
      : [
          sh`set -- ${hashed}`,
          rawShell('count=$#; for path; do [ -f "$path" ] && set -- "$@" "$path"; done; shift "$count"'),
          rawShell(`printf 'H\\0'; [ $# -eq 0 ] || sha256sum -z -- "$@" 2>/dev/null; printf '\\0'`),
        ]),
    // A path begins with a slash, so none is called like these.
    ...(followed.length === 0
      ? []
      : [
          sh`set -- ${followed}`,
          rawShell(`stat -L --printf 'S\\0${FOLLOWED}%n${STAT_FIELDS}' -- "$@" 2>/dev/null`),
        ]),
    ...(shown.length === 0 ? [] : [TRUSTS, rawShell(SHOW)]),
    ...inGroups(shown).map((paths) => sh`( show ${paths} )`),
  );
}

/** What stat says of it, and what was found out of the file through the link. */
function throughLink(
  { sha256, content }: Exclude<PathState, { type: "absent" }>,
  answer: Answered<PathState> | undefined,
): Answered<PathState> {
  if (answer?.known !== true || answer.answer.type === "absent") return known({ type: "absent" });
  return known({
    ...answer.answer,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(content === undefined ? {} : { content }),
  });
}

/** In groups of so many at most. A name of several lines is alone: of one no two lists look the same. */
function inGroups(paths: readonly string[]): string[][] {
  const groups: string[][] = [];
  let last: string[] = [];
  for (const path of paths.filter((one) => !one.includes("\n"))) {
    if (last.length === 0) groups.push(last);
    last.push(path);
    if (last.length === SHOWN_AT_ONCE) last = [];
  }
  return [...groups, ...paths.filter((one) => one.includes("\n")).map((one) => [one])];
}

type Records = Map<string, Answered<PathState>>;

/** @param fields bytes, each as a character of its own: contents are no texts. */
function parseRecords(fields: readonly string[]): Records {
  const records: Records = new Map();
  const opened = new Map<string, { path: string; sizeBytes: number; pieces: string[] }>();
  let index = 0;
  const bytes = (): string => fields[index++] ?? "";
  const next = (): string => textOf(bytes());
  while (index < fields.length) {
    const kind = next();
    if (kind === "S") readStat(records, next);
    else if (kind === "L") update(records, next(), { target: next() });
    else if (kind === "A") records.set(next(), known({ type: "absent" }));
    else if (kind === "N") {
      const path = next();
      const inTheWay = next();
      const missingFolder = path.slice(0, path.lastIndexOf("/"));
      records.set(path, known({ type: "absent", missingFolder, ...(inTheWay === "" ? {} : { inTheWay }) }));
    } else if (kind === "U") {
      const path = next();
      records.set(path, notKnown(`${next()} can't be searched, so nobody can say what is at ${path}`));
    } else if (kind === "X") {
      const path = next();
      records.set(
        path,
        notKnown(
          `${path} leads to ${next()}, by a link of a user whom that does not belong to: it was not read`,
        ),
      );
    } else if (kind === "C") {
      const path = next();
      opened.set(next(), { path, sizeBytes: Number(next()), pieces: [] });
    } else if (kind === "R") {
      for (let name = next(); name !== ""; name = next()) opened.get(name)?.pieces.push(bytes());
      for (const { path, sizeBytes, pieces } of opened.values()) {
        if (pieces.length > 0 || sizeBytes === 0)
          update(records, path, { content: joined(pieces, sizeBytes) });
      }
      opened.clear();
    } else if (kind === "H") {
      for (let line = next(); line !== ""; line = next())
        update(records, line.slice(66), { sha256: line.slice(0, 64) });
    }
  }
  return records;
}

const textOf = (bytes: string): string =>
  /[\x80-\xff]/.test(bytes) ? Buffer.from(bytes, "latin1").toString() : bytes;

/** Of a NUL at the end of a file only the file's size tells. */
function joined(pieces: readonly string[], sizeBytes: number): Buffer {
  const content = Buffer.from(pieces.join("\0"), "latin1");
  return content.byteLength + 1 === sizeBytes ? Buffer.concat([content, Buffer.of(0)]) : content;
}

function readStat(records: Records, next: () => string): void {
  const [path, type, mode, owner, group, uid, gid, size, ...numbers] = Array.from({ length: 14 }, next);
  const [modified, accessed, changed, inode, device, links] = numbers.map(Number);
  if (path === undefined || mode === undefined || size === undefined) return;
  records.set(
    path,
    known({
      type: typeOf(type ?? ""),
      mode: mode.padStart(4, "0"),
      owner: owner ?? "",
      group: group ?? "",
      uid: Number(uid),
      gid: Number(gid),
      sizeBytes: Number(size),
      modifiedSeconds: modified ?? 0,
      accessedSeconds: accessed ?? 0,
      changedSeconds: changed ?? 0,
      inode: inode ?? 0,
      device: device ?? 0,
      links: links ?? 0,
    }),
  );
}

function update(
  records: Records,
  path: string,
  more: { target?: string; sha256?: string; content?: Buffer },
): void {
  const record = records.get(path);
  if (record?.known === true && record.answer.type !== "absent") Object.assign(record.answer, more);
}

function typeOf(words: string): "file" | "directory" | "link" | "other" {
  if (words.startsWith("regular")) return "file";
  if (words === "directory") return "directory";
  return words === "symbolic link" ? "link" : "other";
}
