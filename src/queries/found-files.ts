import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

/** What to look for, as far as find(1) and grep(1) can say on the host. */
export interface FilesQuestion {
  paths: readonly string[];
  type: "file" | "directory" | "link" | "any";
  recurse: boolean;
  depth: number | undefined;
  follow: boolean;
  /** Shell patterns of which the name must match one; none: any name. */
  patterns: readonly string[];
  excludes: readonly string[];
  hidden: boolean;
  /** A regular expression (PCRE) that a line of the file, or the whole file, must match. */
  contains: string | undefined;
  wholeFile: boolean;
  checksum: "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512" | undefined;
}

export interface FoundFile {
  path: string;
  type: string;
  mode: string;
  uid: number;
  gid: number;
  owner: string;
  group: string;
  size: number;
  /** Seconds since 1970. */
  atime: number;
  mtime: number;
  ctime: number;
  inode: number;
  links: number;
  device: number;
  target: string;
  checksum?: string;
}

export interface FoundFiles {
  files: readonly FoundFile[];
  /** How many were looked at, whatever their names. */
  examined: number;
  /** Paths that could not be searched, to why. */
  skipped: Readonly<Record<string, string>>;
  /** The host's clock. */
  nowSeconds: number;
}

const FORMAT = "%p\\0%y\\0%m\\0%U\\0%G\\0%u\\0%g\\0%s\\0%A@\\0%T@\\0%C@\\0%i\\0%n\\0%D\\0%l\\0";
const FIELDS = 15;

/**
 * Files below directories: one find(1) a question, records separated by NUL. Names are matched on the host, so that a tree of a million files costs no more on
 * the wire than what is wanted of it.
 */
export const foundFiles = defineQuery<FilesQuestion, FoundFiles>({
  name: "found-files",
  restless: () => ["nowSeconds"],
  identify: (question) => JSON.stringify(question),
  script: (questions) => ({
    script: shellLines(
      rawShell("date '+%s'"),
      ...questions.map((question) => shellLines(rawShell("printf '\\0Q\\0'"), questionScript(question))),
    ),
  }),
  parse: (output, questions) => {
    const [now = "", ...parts] = output.stdout.toString().split("\0Q\0");
    const nowSeconds = Number(now.trim());
    return questions.map((question, index) => {
      const part = parts[index];
      if (output.exitCode !== 0 || part === undefined)
        return notKnown(output.stderr.trim() || `exit ${output.exitCode}`);
      return read(part, question, nowSeconds);
    });
  },
});

function questionScript(question: FilesQuestion): ShellText {
  const deepest = question.recurse ? question.depth : 1;
  const names = question.patterns.map((pattern) => sh`-name ${pattern}`);
  const conditions = [
    ...(question.hidden ? [] : [rawShell("! -name '.*'")]),
    ...(names.length === 0 ? [] : [rawShell(`'(' ${names.map(({ shell }) => shell).join(" -o ")} ')'`)]),
    ...question.excludes.map((pattern) => sh`! -name ${pattern}`),
    ...(question.type === "any" ? [] : [sh`-type ${question.type[0] ?? "f"}`]),
    ...(question.contains === undefined ? [] : [containsText(question.contains, question.wholeFile)]),
  ];
  const where = [
    question.follow ? "find -L" : "find",
    '"$@" -mindepth 1',
    ...(deepest === undefined ? [] : [`-maxdepth ${deepest}`]),
  ].join(" ");
  // Hidden directories are not entered either, as in Ansible.
  const prune = question.hidden ? "" : "-name '.*' -prune -o ";
  const found = `${where} ${prune}${conditions.map(({ shell }) => shell).join(" ")}`;
  return shellLines(
    sh`set --`,
    ...question.paths.map(
      (path) =>
        sh`if [ -d ${path} ]; then set -- "$@" ${endless(path)}; elif [ -e ${path} ]; then printf 'S\\0%s\\0is no directory\\0' ${path}; else printf 'S\\0%s\\0is not there\\0' ${path}; fi`,
    ),
    question.contains === undefined
      ? undefined
      : sh`wrong=$(grep -qP -e ${containedPattern(question.contains, question.wholeFile)} /dev/null 2>&1); [ $? -le 1 ] || { printf 'B\\0%s\\0' "$wrong"; set --; }`,
    rawShell("if [ $# -gt 0 ]; then"),
    rawShell(`  printf 'N\\0'; { ${where} ${prune}-printf . 2>/dev/null || true; } | wc -c; printf '\\0'`),
    rawShell("  { errors=$("),
    rawShell(`    { ${found} -printf 'F\\0${FORMAT}' 2>&3 3>&-; } 3>&1 >&4 | head -c 4000`),
    rawShell("  ); } 4>&1"),
    rawShell(`  printf 'E\\0%s\\0' "$errors"`),
    ...(question.checksum === undefined
      ? []
      : [
          rawShell(
            `  printf 'H\\0'; { ${found} -type f -print0 2>/dev/null || true; } | xargs -0r ${question.checksum}sum -z --; printf '\\0'`,
          ),
        ]),
    rawShell("fi; true"),
  );
}

/** A path that begins with a dash would be an option; one that ends with a slash would show two. */
function endless(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

function containsText(pattern: string, wholeFile: boolean): ShellText {
  const text = containedPattern(pattern, wholeFile);
  return wholeFile
    ? sh`-type f -exec grep -qzP -e ${text} -- '{}' ';'`
    : sh`-type f -exec grep -qaP -e ${text} -- '{}' ';'`;
}

function containedPattern(pattern: string, wholeFile: boolean): string {
  return wholeFile ? `(?m)${pattern}` : `^(?:${pattern})`;
}

function read(part: string, question: FilesQuestion, nowSeconds: number): Answered<FoundFiles> {
  const fields = part.split("\0");
  const files: FoundFile[] = [];
  const skipped: Record<string, string> = {};
  const checksums = new Map<string, string>();
  let examined = 0;
  let index = 0;
  const next = (): string => fields[index++] ?? "";
  while (index < fields.length) {
    const mark = next();
    if (mark === "B")
      return notKnown(`\`contains\` is no regular expression of grep's: ${next().replace(/^grep: /, "")}`);
    if (mark === "S") skipped[next()] = next();
    else if (mark === "N") examined = Number(next().trim());
    else if (mark === "F") files.push(fileOf(Array.from({ length: FIELDS }, next)));
    else if (mark === "E") Object.assign(skipped, complaints(next()));
    else if (mark === "H")
      for (let line = next(); line !== ""; line = next())
        checksums.set(line.replace(/^[0-9a-f]+ [ *]/, ""), line.slice(0, line.indexOf(" ")));
  }
  if (question.checksum !== undefined)
    for (const file of files) {
      const checksum = checksums.get(file.path);
      if (checksum !== undefined) file.checksum = checksum;
    }
  return known({ files, examined, skipped, nowSeconds });
}

/** find(1) says `find: ‘/path’: Permission denied`, with quotes as the locale has them. */
function complaints(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [, path = "", why = ""] = /^(?:find|grep): ['‘]?(.+?)['’]?: ([^:]+)$/.exec(line) ?? [];
      return path === "" ? [] : [[path, why]];
    }),
  );
}

function fileOf(fields: readonly string[]): FoundFile {
  const [path = "", type = "", mode = "", uid, gid, owner = "", group = "", size, ...rest] = fields;
  const [atime, mtime, ctime, inode, links, device, target = ""] = rest;
  return {
    path,
    type,
    mode: mode.padStart(4, "0"),
    uid: Number(uid),
    gid: Number(gid),
    owner,
    group,
    size: Number(size),
    atime: Number(atime),
    mtime: Number(mtime),
    ctime: Number(ctime),
    inode: Number(inode),
    links: Number(links),
    device: Number(device),
    target,
  };
}
