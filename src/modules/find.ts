import { z } from "zod";
import { type FoundFile, foundFiles } from "../queries/found-files.ts";
import type { ValueMap } from "../variables/value.ts";
import { withinTime } from "./edited-file.ts";
import { defineModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { isPattern, pythonPattern } from "./python-pattern.ts";

const oneOrMore = <T extends z.ZodType>(type: T) =>
  z.union([type, z.array(type)]).transform((value) => [value].flat() as z.infer<T>[]);

const namePattern = z
  .string()
  .min(1)
  .refine((text) => !/[\0/]/.test(text), { error: "must be a pattern of a name, without `/`" });

const age = z.union([
  z.number(),
  z.string().regex(/^-?\d+[smhdw]?$/, { error: "must be a time such as 90, 2h, 3d or -1w" }),
]);
const size = z.union([
  z.number(),
  z.string().regex(/^-?\d+[bkmgt]?$/i, { error: "must be a size such as 10m, or -4k" }),
]);

const params = z
  .strictObject({
    paths: oneOrMore(absolutePath)
      .optional()
      .describe("Directories to search. `path` is another name for it."),
    path: oneOrMore(absolutePath).optional().describe("Another name for `paths`."),
    patterns: oneOrMore(namePattern)
      .default([])
      .describe(
        "Names: shell patterns, or with `use_regex` regular expressions (JavaScript's). Without: all.",
      ),
    pattern: oneOrMore(namePattern).optional().describe("Another name for `patterns`."),
    excludes: oneOrMore(namePattern).default([]).describe("Names that are left out."),
    exclude: oneOrMore(namePattern).optional().describe("Another name for `excludes`."),
    use_regex: z.boolean().default(false).describe("`patterns` and `excludes` are regular expressions."),
    file_type: z.enum(["file", "directory", "link", "any"]).default("file").describe("What is looked for."),
    recurse: z.boolean().default(false).describe("In directories below, too."),
    depth: z.number().int().min(1).optional().describe("With `recurse`: how deep. 1: not below."),
    hidden: z.boolean().default(false).describe("Names that begin with a dot too."),
    follow: z.boolean().default(false).describe("Follow links to directories."),
    age: age.optional().describe("Only what is as old as this or older: `3d`; with a minus, younger: `-1h`."),
    age_stamp: z.enum(["mtime", "atime", "ctime"]).default("mtime").describe("Which time `age` is about."),
    size: size
      .optional()
      .describe(
        "Only what is as large as this or larger: `10m`; with a minus, smaller: `-4k`. Directories have none.",
      ),
    contains: z
      .string()
      .min(1)
      .optional()
      .describe("Only files with a line that matches this from its beginning (grep's `-P`)."),
    read_whole_file: z
      .boolean()
      .default(false)
      .describe("`contains` may match anywhere in the file, across lines."),
    get_checksum: z.boolean().default(false).describe("The checksum of each file too."),
    checksum_algorithm: z
      .enum(["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
      .default("sha256")
      .describe("Which checksum."),
    limit: z.number().int().min(1).optional().describe("At most so many."),
  })
  .refine((all) => (all.paths === undefined) !== (all.path === undefined), {
    error: "give `paths`",
    path: ["paths"],
  })
  .refine(
    (all) =>
      !all.use_regex ||
      [...all.patterns, ...(all.pattern ?? []), ...all.excludes, ...(all.exclude ?? [])].every(isPattern),
    {
      error: "must be regular expressions (JavaScript's)",
      path: ["patterns"],
    },
  );

type Params = z.infer<typeof params>;

export const find = defineModule<Params, { at: ReturnType<typeof foundFiles> }>({
  name: "find",
  summary: "Files below directories, by name, age, size or content",
  description:
    "It only looks, so it is answered together with the questions of the tasks around it. Names are matched on the host.",
  params,
  examples: [
    {
      title: "Logs of last month, to remove them",
      yaml: '- find:\n    paths: /var/log/app\n    patterns: "*.log.*"\n    age: 30d\n  register: old\n- file:\n    path: "{{ item.path }}"\n    state: absent\n  loop: "{{ old.files }}"\n',
    },
    {
      title: "Configuration that still has a password in it",
      yaml: "- find:\n    paths: [/etc/app, /etc/app.d]\n    recurse: true\n    contains: '.*password\\s*='\n  register: found\n",
    },
  ],
  returns: {
    files:
      "What was found, by path: path, mode, size, uid, gid, pw_name, gr_name, atime, mtime, ctime, inode, nlink, dev, isreg, isdir, islnk, lnk_source, checksum.",
    matched: "How many.",
    examined: "How many were looked at.",
    skipped_paths: "Paths that could not be searched, to why.",
  },
  queries: (want) => ({
    at: foundFiles({
      paths: want.paths ?? want.path ?? [],
      type: want.file_type,
      recurse: want.recurse,
      depth: want.depth,
      follow: want.follow,
      patterns: want.use_regex ? [] : patternsOf(want),
      excludes: want.use_regex ? [] : excludesOf(want),
      hidden: want.hidden,
      contains: want.contains,
      wholeFile: want.read_whole_file,
      checksum: want.get_checksum ? want.checksum_algorithm : undefined,
    }),
  }),
  diff: (want, { at }) => {
    const matching = withinTime(() => at.files.filter((file) => hasName(file, want)))
      .filter((file) => isOfAge(file, want, at.nowSeconds) && isOfSize(file, want))
      .sort((one, other) => (one.path < other.path ? -1 : 1));
    const files = matching.slice(0, want.limit).map(shown);
    return {
      action: "none",
      reason: `${files.length} found`,
      data: { files, matched: files.length, examined: at.examined, skipped_paths: { ...at.skipped } },
    };
  },
  steps: () => [],
});

const patternsOf = ({ pattern, patterns }: Params): string[] => pattern ?? patterns;
const excludesOf = ({ exclude, excludes }: Params): string[] => exclude ?? excludes;

/** Python's `re.match`: from the beginning of the name. */
function hasName({ path }: FoundFile, want: Params): boolean {
  if (!want.use_regex) return true;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const matches = (text: string): boolean => pythonPattern(text, "y").test(name);
  const wanted = patternsOf(want);
  return (wanted.length === 0 || wanted.some(matches)) && !excludesOf(want).some(matches);
}

function isOfAge(file: FoundFile, want: Params, nowSeconds: number): boolean {
  if (want.age === undefined) return true;
  const [, minus, count, unit = "s"] = /^(-?)(\d+)([smhdw]?)$/.exec(String(want.age)) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? 1);
  const isOld = nowSeconds - file[want.age_stamp] >= seconds;
  return minus === "-" ? !isOld : isOld;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

function isOfSize(file: FoundFile, want: Params): boolean {
  if (want.size === undefined) return true;
  if (file.type === "d") return false;
  const [, minus, count, unit = "b"] = /^(-?)(\d+)([bkmgt]?)$/i.exec(String(want.size)) ?? [];
  const bytes = Number(count) * 1024 ** "bkmgt".indexOf(unit.toLowerCase() || "b");
  return minus === "-" ? file.size <= bytes : file.size >= bytes;
}

function shown(file: FoundFile): ValueMap {
  return {
    path: file.path,
    mode: file.mode,
    size: file.size,
    uid: file.uid,
    gid: file.gid,
    pw_name: file.owner,
    gr_name: file.group,
    atime: file.atime,
    mtime: file.mtime,
    ctime: file.ctime,
    inode: file.inode,
    nlink: file.links,
    dev: file.device,
    isreg: file.type === "f",
    isdir: file.type === "d",
    islnk: file.type === "l",
    ...(file.target === "" ? {} : { lnk_source: file.target }),
    ...(file.checksum === undefined ? {} : { checksum: file.checksum }),
  };
}
